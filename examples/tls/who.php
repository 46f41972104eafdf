<?php
// Tells clients how they are connected, and whose certificate they have.

$worker = new Gw\Worker();

$worker->onRequest = fn (Gw\Request $request) => [
    'scheme' => $request->scheme,
    'certificate' => $request->header('x-client-cert-subject'),
];

$worker->onMessage = function (Gw\Connection $connection, string $data): void {
    $connection->send(($connection->secure ? 'encrypted' : 'plain') . ', ' . $connection->header('x-client-cert-subject', 'no certificate'));
};

$worker->run();
