<?php
// Sends every message back as it came; answers a request with its body.
declare(strict_types=1);

$worker = new Gw\Worker();
$worker->onRequest = fn (Gw\Request $request) => new Gw\Response(200, [], $request->body());
$worker->onMessage = function (Gw\Connection $connection, string $data, bool $binary): void {
    $connection->send($data, binary: $binary);
};
$worker->run();
