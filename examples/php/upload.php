<?php
// Uploads as streams: no body is ever kept as a whole, however long it is.
declare(strict_types=1);

$worker = new Gw\Worker();
$worker->streamBodies = true;

$worker->onRequest = function (Gw\Request $request): array|Gw\Response {
    if ($request->method !== 'PUT') {
        return new Gw\Response(405, [], 'send me something: curl -T file http://localhost:8080/');  // a long body is never sent
    }
    $digest = hash_init('sha256');
    $size = 0;
    foreach ($request->stream() as $piece) {            // the client sends as fast as this loop reads
        hash_update($digest, $piece);
        $size += strlen($piece);
    }
    return ['bytes' => $size, 'sha256' => hash_final($digest)];
};

$worker->run();
