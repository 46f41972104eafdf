<?php
// Answers a request with its ?n= and the process id; a message with itself.
declare(strict_types=1);

usleep((int) (1e6 * (float) getenv('BOOT_SECONDS'))); // 0 unless the pool's env says more
$worker = new Gw\Worker();
$worker->onRequest = function (Gw\Request $request): string {
    usleep(1000);
    return $request->query('n', '') . ' ' . getmypid();
};
$worker->onMessage = function (Gw\Connection $connection, string $data): void {
    usleep(100);
    $connection->send($data);
};
$worker->run();
