<?php
// Sleeps ?ms= milliseconds, then answers with its process id.
declare(strict_types=1);

$worker = new Gw\Worker();
$worker->onRequest = function (Gw\Request $request): string {
    usleep(1000 * (int) $request->query('ms', '0'));
    return (string) getmypid();
};
$worker->run();
