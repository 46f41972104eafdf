<?php
// Text protocol, one message per line: "Tom" is answered with "Hello Tom".
declare(strict_types=1);

$worker = new Gw\Worker();

$worker->onMessage = function (Gw\Connection $connection, string $data): void {
    $connection->send('Hello ' . $data);
};

$worker->run();
