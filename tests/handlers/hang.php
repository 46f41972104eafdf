<?php
// Never answers /hang; answers everything else with its process id.
declare(strict_types=1);

$worker = new Gw\Worker();
$worker->onRequest = function (Gw\Request $request): string {
    while ($request->path === '/hang') {
        sleep(3600);
    }
    return (string) getmypid();
};
$worker->onMessage = function (Gw\Connection $connection, string $data): void {
    while ($data === 'hang') {
        sleep(3600);
    }
    $connection->send($data);
};
$worker->run();
