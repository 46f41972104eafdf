<?php
// Dies by SIGKILL in the middle of a request for /crash; counts the attempts in a file.
declare(strict_types=1);

$worker = new Gw\Worker();
$worker->onRequest = function (Gw\Request $request): string {
    if ($request->path === '/crash') {
        file_put_contents(__DIR__ . '/attempts', $request->method . "\n", FILE_APPEND);
        posix_kill(getmypid(), 9);
    }
    return (string) getmypid();
};
$worker->onMessage = function (Gw\Connection $connection, string $data): void {
    $connection->send($data);
};
$worker->run();
