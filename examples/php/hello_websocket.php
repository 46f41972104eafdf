<?php
// WebSocket: "Tom" is answered with "Hello Tom". A plain request gets the page to try it with.
declare(strict_types=1);

$worker = new Gw\Worker();

$worker->onRequest = fn (Gw\Request $request) =>
    Gw\Response::html(file_get_contents(__DIR__ . '/../websocket.html'));

$worker->onMessage = function (Gw\Connection $connection, string $data): void {
    $connection->send('Hello ' . $data);
};

$worker->run();
