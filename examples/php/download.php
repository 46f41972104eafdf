<?php
// A file for those who may have it: the handler decides, the gateway sends.
declare(strict_types=1);

$worker = new Gw\Worker();

$worker->onRequest = function (Gw\Request $request): Gw\Response {
    if ($request->query('key') !== 'secret') {
        return new Gw\Response(403, [], 'not for you');
    }

    return Gw\Response::file(__FILE__, [
        'content-type' => 'text/plain; charset=utf-8',
        'content-disposition' => 'attachment; filename="download.txt"',
        'cache-control' => 'private, no-cache',
    ]);
};

$worker->run();
