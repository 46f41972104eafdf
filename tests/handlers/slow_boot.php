<?php
// Needs one and a half seconds until it is ready.
declare(strict_types=1);

usleep(1_500_000);
$worker = new Gw\Worker();
$worker->onRequest = fn (Gw\Request $request) => (string) getmypid();
$worker->run();
