<?php
// Keeps a name and a count of messages in the connection's session.
declare(strict_types=1);

$worker = new Gw\Worker();
$worker->onMessage = function (Gw\Connection $connection, string $data): void {
    if (str_starts_with($data, 'login ')) {
        $connection->session['name'] = substr($data, 6);
    }
    $connection->session['messages'] = ($connection->session['messages'] ?? 0) + 1;
    $name = $connection->session['name'] ?? 'nobody';
    $connection->send("$name {$connection->session['messages']} " . getmypid());
};
$worker->run();
