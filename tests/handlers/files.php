<?php
// Answers with files: of its own folder (files/...), of another one, by X-Sendfile, and once.
declare(strict_types=1);

$worker = new Gw\Worker();
$worker->onRequest = fn (Gw\Request $request) => match ($request->path) {
    '/report' => Gw\Response::file(__DIR__ . '/files/report.txt', ['content-disposition' => 'attachment']),
    '/large' => Gw\Response::file(__DIR__ . '/files/large'),
    '/outside' => Gw\Response::file(__DIR__ . '/../outside.txt'),
    '/gone' => Gw\Response::file(__DIR__ . '/files/gone'),
    '/header' => new Gw\Response(200, ['x-sendfile' => __DIR__ . '/files/report.txt', 'content-type' => 'text/x-own']),
    '/header-outside' => new Gw\Response(200, ['x-sendfile' => '/etc/passwd']),
    '/once' => once(__DIR__ . '/files/once.txt'),
    default => 'handler',
};

function once(string $path): Gw\Response
{
    file_put_contents($path, 'once');

    return Gw\Response::file($path, delete: true);
}

$worker->run();
