<?php
// Works on a message for as many milliseconds as it says, then sends it back.
declare(strict_types=1);

$worker = new Gw\Worker();
$worker->onMessage = function (Gw\Connection $connection, string $data): void {
    usleep(1000 * (int) $data);
    $connection->send($data);
};
$worker->run();
