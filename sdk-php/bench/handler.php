<?php

declare(strict_types=1);

// The handler that loop.php drives.
require __DIR__ . '/../autoload.php';

$worker = new Gw\Worker();
$worker->onRequest = match ($argv[1]) {
    'http' => static fn (Gw\Request $request) => new Gw\Response(200, [
        'content-type' => 'application/json',
        'cache-control' => 'no-store',
        'x-frame-options' => 'DENY',
        'vary' => 'accept-encoding',
        'x-request-id' => 'c0ffee',
    ], $request->header('x-token') === null ? 'no token' : $request->body()),
    default => static fn (Gw\Request $request) => 'Hello Client',
};
$worker->onMessage = static function (Gw\Connection $connection, string $data): void {
    $connection->send($data);
};
$worker->run();
