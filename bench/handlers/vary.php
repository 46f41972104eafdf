<?php
// Answers with the query argument and the header that differ from request to request.
declare(strict_types=1);

$worker = new Gw\Worker();

$worker->onRequest = fn (Gw\Request $request) => new Gw\Response(
    200,
    [],
    $request->query('n') . ' ' . $request->header('x-visit'),
);

$worker->run();
