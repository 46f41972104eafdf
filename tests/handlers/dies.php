<?php
// Ends in the way that ?how= or a message "die HOW N" names; counts the attempts in a file. Else answers with what it got.
declare(strict_types=1);

function end_by(string $how): void
{
    match ($how) {
        'kill' => posix_kill(getmypid(), SIGKILL),
        'segfault' => posix_kill(getmypid(), SIGSEGV),
        'exit' => exit(1),
        'memory' => out_of_memory(),
    };
}

function out_of_memory(): never
{
    posix_setrlimit(POSIX_RLIMIT_AS, 64 << 20, 64 << 20);
    ini_set('memory_limit', '-1');
    for ($kept = []; ; ) {
        $kept[] = str_repeat('x', 1 << 20);
    }
}

$worker = new Gw\Worker();
$worker->onRequest = function (Gw\Request $request): string {
    $how = $request->query('how', '');
    if ($how !== '') {
        file_put_contents('attempts', "$request->method $how\n", FILE_APPEND);
        end_by($how);
    }
    return 'alive';
};
$worker->onMessage = function (Gw\Connection $connection, string $data): void {
    if (str_starts_with($data, 'die ')) {
        file_put_contents('attempts', "$data\n", FILE_APPEND);
        end_by(explode(' ', $data)[1]);
    }
    $connection->send($data);
};
$worker->run();
