<?php
// PUT: length and SHA-256 of the body, read as a stream; ?ms= sleeps so many after each piece, ?die= exits after so many bytes.
// /refuse answers 403 and reads nothing, /gone counts clients that left in the middle, /pid.
declare(strict_types=1);

$worker = new Gw\Worker();
$worker->streamBodies = true;
$gone = 0;
$worker->onRequest = function (Gw\Request $request) use (&$gone): string|Gw\Response {
    if ($request->path === '/pid') {
        return (string) getmypid();
    }
    if ($request->path === '/gone') {
        return (string) $gone;
    }
    if ($request->path === '/refuse') {
        return new Gw\Response(403, [], 'refused');
    }
    $pause = (int) ((float) $request->query('ms', '0') * 1000);
    $die = (int) $request->query('die', '0');
    $digest = hash_init('sha256');
    $size = 0;
    try {
        foreach ($request->stream() as $piece) {
            hash_update($digest, $piece);
            $size += strlen($piece);
            if ($die > 0 && $size >= $die) {
                posix_kill(getmypid(), 9);
            }
            if ($pause > 0) {
                usleep($pause);
            }
        }
    } catch (Gw\ClientGone $left) {
        ++$gone;
        throw $left;
    }

    return "$size " . hash_final($digest);
};
$worker->run();
