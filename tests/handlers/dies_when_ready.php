<?php
// Loads well, says that it is ready, and ends in its first moment.
declare(strict_types=1);

$worker = new Gw\Worker();
$worker->onRequest = fn (Gw\Request $request) => 'never said';
$worker->every(0.001, function (): void {
    fwrite(STDERR, "dies_when_ready: the cache went away\n");
    exit(1);
});
$worker->run();
