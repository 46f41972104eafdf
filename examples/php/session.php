<?php
// A session lives as long as the connection, whichever worker handles it and however often you reload.
declare(strict_types=1);

$worker = new Gw\Worker();

$worker->onMessage = function (Gw\Connection $connection, string $data): void {
    if (!isset($connection->session['name'])) {
        $connection->session['name'] = $data;
        $connection->send("Welcome, $data");
        return;
    }
    $connection->send("{$connection->session['name']} said $data");
};

$worker->run();
