<?php
// Answers requests while it sends to every WebSocket: GET /publish is one message to all of them.
declare(strict_types=1);

$worker = new Gw\Worker();

$worker->onMessage = function (Gw\Connection $connection, string $data): void {
    $connection->send($data);
};

$worker->onRequest = function (Gw\Request $request): Gw\Response {
    if ($request->path === '/publish') {
        Gw\Gateway::broadcast(str_repeat('x', 256));
    }
    return new Gw\Response(200, [], 'Hello, World!');
};

$worker->run();
