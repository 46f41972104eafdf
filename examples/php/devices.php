<?php
// Devices report by datagram, frame or line; each is answered in the way it spoke.
declare(strict_types=1);

use Gw\Gateway;

$worker = new Gw\Worker();
$collector = getenv('COLLECTOR'); // an address such as 192.0.2.7:8125

$worker->onMessage = function (Gw\Connection $connection, string $report) use ($collector): void {
    $connection->send("ok $report");
    if ($collector) {
        Gateway::sendDatagram($collector, "$connection->kind $report"); // needs no datagram to answer
    }
};

$worker->run();
