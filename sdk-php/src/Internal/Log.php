<?php

declare(strict_types=1);

namespace Gw\Internal;

/** Lines to stderr, which the gateway's master puts into the log. A constant message, then the variables. */
final class Log
{
    public static string $target = 'php://stderr';

    /** @param array<string, int|string> $attributes */
    public static function write(string $message, array $attributes = [], ?\Throwable $thrown = null): void
    {
        $line = 'gw: ' . $message;
        foreach ($attributes as $name => $value) {
            $line .= ' ' . $name . '=' . $value;
        }
        file_put_contents(self::$target, $line . "\n" . ($thrown === null ? '' : $thrown . "\n"), FILE_APPEND);
    }
}
