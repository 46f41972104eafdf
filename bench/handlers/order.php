<?php
// Takes an order of 1 KiB of JSON, answers with its summary.
declare(strict_types=1);

require __DIR__ . '/summary.php';

$worker = new Gw\Worker();

$worker->onRequest = fn (Gw\Request $request) => $request->path === '/json'
    ? new Gw\Response(
        200,
        ['content-type' => 'application/json'],
        summary($request->body(), $request->query('channel'), $request->header('x-visit')),
    )
    : new Gw\Response(404, [], 'no such page');

$worker->run();
