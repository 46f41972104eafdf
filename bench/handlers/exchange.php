<?php
// Looks at a header, sends the body back below five headers.
declare(strict_types=1);

$worker = new Gw\Worker();

$worker->onRequest = static fn (Gw\Request $request) => new Gw\Response(200, [
    'content-type' => 'application/json',
    'cache-control' => 'no-store',
    'x-frame-options' => 'DENY',
    'vary' => 'accept-encoding',
    'x-powered-by' => 'gw',
], $request->header('x-request-id') === null ? '' : $request->body());

$worker->run();
