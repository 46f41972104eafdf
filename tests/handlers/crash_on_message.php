<?php
// Dies by SIGKILL in the middle of the message "crash"; counts the attempts in a file.
declare(strict_types=1);

$worker = new Gw\Worker();
$worker->onMessage = function (Gw\Connection $connection, string $data): void {
    if ($data === 'crash') {
        file_put_contents(__DIR__ . '/attempts', "crash\n", FILE_APPEND);
        posix_kill(getmypid(), 9);
    }
    $connection->send($data);
};
$worker->run();
