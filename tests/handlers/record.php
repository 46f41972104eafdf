<?php
// Answers with what it was given: METHOD TARGET HOST [LENGTH:BODY] [x-test=VALUE]. The recording handler of conformance/http1.
declare(strict_types=1);

$worker = new Gw\Worker();
$worker->onRequest = function (Gw\Request $request): Gw\Response {
    $text = "$request->method $request->target " . ($request->host ?: '-');
    $body = $request->body();
    if ($body !== '') {
        $text .= ' ' . strlen($body) . (strlen($body) <= 64 ? ":$body" : '');
    }
    $value = $request->header('x-test') ?? '';
    return new Gw\Response(200, ['content-type' => 'text/plain'], $value === '' ? $text : "$text x-test=$value");
};
$worker->run();
