<?php
// What a request holds.
declare(strict_types=1);

$worker = new Gw\Worker();

$worker->onRequest = fn (Gw\Request $request) => match ($request->path) {
    '/order' => ['articles' => count($request->json()['articles'])],    // a JSON body
    '/upload' => upload($request->file('picture')),                     // a file of a multipart form
    default => describe($request),
};

function upload(?Gw\UploadedFile $file): array|Gw\Response
{
    if ($file === null) {
        return new Gw\Response(400, [], 'no picture');
    }
    $file->moveTo(sys_get_temp_dir() . '/picture');     // not under the client's name for it
    return ['name' => $file->name, 'type' => $file->type, 'bytes' => $file->size];
}

function describe(Gw\Request $request): array
{
    return [
        'method' => $request->method,               // GET, POST, ...
        'path' => $request->path,                   // /search, percent-decoded
        'target' => $request->target,               // /search?q=gw, as the client sent it
        'host' => $request->host,                   // example.com
        'peer' => $request->peer,                   // address and port of the client
        'protocol' => $request->protocol,           // HTTP/1.0, HTTP/1.1 or HTTP/2
        'id' => $request->id,                       // of this exchange, in the log too
        'agent' => $request->header('User-Agent'),  // null when it is not there
        'q' => $request->query('q', 'nothing'),     // with a default
        'theme' => $request->cookie('theme'),
        'name' => $request->form('name'),           // of a form that was posted
        'length' => strlen($request->body()),       // the body as it came
    ];
}

$worker->run();
