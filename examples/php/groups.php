<?php
// A connection joins the group of its path; what it says goes to the others there. "@Tom ..." goes to Tom alone.
declare(strict_types=1);

use Gw\Connection;
use Gw\Gateway;

$worker = new Gw\Worker();

$worker->onConnect = function (Connection $connection): void {
    $connection->join($connection->path);                                    // /kitchen
    $people = Gateway::count($connection->path);
    Gateway::publish($connection->path, "now there are $people");
};

$worker->onMessage = function (Connection $connection, string $data): void {
    if (preg_match('/^I am (\w+)$/', $data, $match)) {
        $connection->bind($match[1]);                                        // a user id, on any number of connections
    } elseif (preg_match('/^@(\w+) (.+)$/', $data, $match)) {
        Gateway::sendToUid($match[1], $match[2]);
    } else {
        Gateway::publish($connection->path, $data, except: [$connection->id]);
    }
};

$worker->onClose = function (Connection $connection, int $code, string $reason): void {
    Gateway::publish($connection->path, 'somebody left');
};

$worker->run();
