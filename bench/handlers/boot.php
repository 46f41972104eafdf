<?php
// The smallest answer, of a program that takes BENCH_BOOT milliseconds to load.
// With BENCH_ALONE it ends where it would begin to work: what loading it takes without gw.
declare(strict_types=1);

usleep(1000 * (int) getenv('BENCH_BOOT'));
if (getenv('BENCH_ALONE')) {
    exit;
}
$worker = new Gw\Worker();

$worker->onRequest = fn (Gw\Request $request) => new Gw\Response(200, [], 'Hello, World!');

$worker->run();
