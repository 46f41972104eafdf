<?php
// A WebSocket says "FIRST COUNT" and joins so many groups, and hears it back; GET /publish?n=N sends 64 bytes to group N.
declare(strict_types=1);

$worker = new Gw\Worker();

$worker->onMessage = function (Gw\Connection $connection, string $data): void {
    [$first, $count] = explode(' ', $data);
    for ($i = 0; $i < (int) $count; $i++) {
        $connection->join('group-' . ((int) $first + $i));
    }
    $connection->send($data);
};

$worker->onRequest = function (Gw\Request $request): Gw\Response {
    Gw\Gateway::publish('group-' . $request->query('n'), str_repeat('x', 64));
    return new Gw\Response(200, [], 'Hello, World!');
};

$worker->run();
