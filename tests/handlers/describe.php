<?php
// Answers with what the handler sees of a request, as JSON.
declare(strict_types=1);

$worker = new Gw\Worker();
$worker->onRequest = fn (Gw\Request $request) => Gw\Response::json([
    'method' => $request->method,
    'path' => $request->path,
    'target' => $request->target,
    'scheme' => $request->scheme,
    'host' => $request->host,
    'query' => $request->query('q', 'none'),
    'header' => $request->header('x-test') ?? '',
    'cookie' => $request->cookie('c') ?? '',
    'form' => $request->form('f') ?? '',
    'body' => $request->body(),
    'id' => $request->id,
    'peer' => $request->peer,
    'headers' => $request->headers(),
    'pid' => getmypid(),
]);
$worker->run();
