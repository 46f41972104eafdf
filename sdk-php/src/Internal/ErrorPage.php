<?php

declare(strict_types=1);

namespace Gw\Internal;

/** What debug mode shows for an exception. */
final class ErrorPage
{
    public static function render(string $trace): string
    {
        $trace = htmlspecialchars($trace, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
        $title = strtok($trace, "\n");

        return <<<HTML
            <!doctype html>
            <meta charset="utf-8">
            <title>500 $title</title>
            <style>body{font:16px/1.5 system-ui;margin:3rem auto;max-width:70rem;padding:0 1rem}pre{background:#f4f4f4;padding:1rem;overflow:auto}</style>
            <h1>Internal Server Error</h1>
            <pre>$trace</pre>

            HTML;
    }
}
