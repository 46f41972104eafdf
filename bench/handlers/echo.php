<?php
// Sends every message back, WebSocket or line.
declare(strict_types=1);

$worker = new Gw\Worker();

$worker->onMessage = function (Gw\Connection $connection, string $data): void {
    $connection->send($data);
};

$worker->run();
