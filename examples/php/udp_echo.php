<?php
// UDP: every datagram is sent back to where it came from.
declare(strict_types=1);

$worker = new Gw\Worker();

$worker->onMessage = function (Gw\Connection $connection, string $data): void {
    $connection->send($data); // $connection->kind is udp, $connection->peer the sender
};

$worker->run();
