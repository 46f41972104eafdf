<?php
// POST: length and SHA-256 of the body. GET: ?bytes= bytes of a pattern.
declare(strict_types=1);

ini_set('memory_limit', '256M');

$worker = new Gw\Worker();
$worker->onRequest = function (Gw\Request $request): string {
    if ($request->method === 'POST') {
        $body = $request->body();
        return strlen($body) . ' ' . hash('sha256', $body);
    }
    return str_repeat('0123456789abcdef', intdiv((int) $request->query('bytes', '0'), 16));
};
$worker->run();
