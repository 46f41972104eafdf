<?php
// HTTP: every request is answered with "Hello Client".
declare(strict_types=1);

$worker = new Gw\Worker();

$worker->onRequest = fn (Gw\Request $request) => 'Hello Client';

$worker->run();
