<?php
// Greets a new connection, tells those who said "watch" how others leave.
declare(strict_types=1);

$worker = new Gw\Worker();
$worker->onConnect = function (Gw\Connection $connection): void {
    $connection->send("welcome to {$connection->kind} {$connection->path}");
};
$worker->onMessage = function (Gw\Connection $connection, string $data): void {
    match (true) {
        $data === 'watch' => $connection->join('watchers'),
        str_starts_with($data, 'close ') => $connection->close((int) substr($data, 6), 'as you wish'),
        default => $connection->session['last'] = $data,
    };
    $connection->send("heard $data");
};
$worker->onClose = function (Gw\Connection $connection, int $code, string $reason): void {
    $last = $connection->session['last'] ?? 'nothing';
    Gw\Gateway::publish('watchers', "closed $code $reason after $last");
};
$worker->run();
