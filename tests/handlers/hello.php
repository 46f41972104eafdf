<?php
// Answers every request with the same text.
declare(strict_types=1);

$worker = new Gw\Worker();
$worker->onRequest = fn (Gw\Request $request) => 'Hello Client';
$worker->run();
