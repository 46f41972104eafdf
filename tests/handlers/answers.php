<?php
// One kind of answer per path.
declare(strict_types=1);

$worker = new Gw\Worker();
$worker->onRequest = fn (Gw\Request $request) => match ($request->path) {
    '/text' => 'plain text',
    '/array' => ['name' => 'Tom', 'list' => [1, 2]],
    '/html' => Gw\Response::html('<p>hello</p>'),
    '/redirect' => Gw\Response::redirect('/text'),
    '/empty' => new Gw\Response(204),
    '/teapot' => new Gw\Response(418, ['x-kind' => 'pot', 'set-cookie' => ['a=1', 'b=2']], 'short and stout'),
    default => new Gw\Response(404, [], 'no such page'),
};
$worker->run();
