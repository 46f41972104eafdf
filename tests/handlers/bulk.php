<?php
// "N M": sends N messages of M bytes. Any other message comes back twice as long.
declare(strict_types=1);

$worker = new Gw\Worker();
$worker->onMessage = function (Gw\Connection $connection, string $data): void {
    if (preg_match('/^(\d+) (\d+)$/', $data, $asked)) {
        for ($n = 0; $n < (int) $asked[1]; $n++) {
            $connection->send(str_repeat('x', (int) $asked[2]));
        }
        return;
    }
    $connection->send($data . $data);
};
$worker->run();
