<?php
// Throws when the path or the message is "throw"; else answers with its process id.
declare(strict_types=1);

$worker = new Gw\Worker();
$worker->onRequest = function (Gw\Request $request): string {
    if ($request->path === '/throw') {
        throw new RuntimeException('thrown on purpose');
    }
    return (string) getmypid();
};
$worker->onMessage = function (Gw\Connection $connection, string $data): void {
    if ($data === 'throw') {
        throw new RuntimeException('thrown on purpose');
    }
    $connection->send((string) getmypid());
};
$worker->run();
