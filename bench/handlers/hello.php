<?php
// The smallest answer.
declare(strict_types=1);

$worker = new Gw\Worker();

$worker->onRequest = fn (Gw\Request $request) => new Gw\Response(200, [], 'Hello, World!');

$worker->run();
