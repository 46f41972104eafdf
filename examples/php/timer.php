<?php
// Start, stop and a timer: everybody hears a tick once a second.
declare(strict_types=1);

$worker = new Gw\Worker();

$worker->onStart = function (): void {
    fwrite(STDERR, 'open the database here, worker ' . getmypid() . "\n");
};

$worker->every(1.0, fn () => Gw\Gateway::broadcast('tick'));

$worker->onStop = function (): void {
    fwrite(STDERR, "close the database here\n");
};

$worker->run();
