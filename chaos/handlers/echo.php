<?php
// Answers with the token of the request, the version of the deploy and what came, at once or after a nap; /hang and /exit do what they say.
declare(strict_types=1);

define('VERSION', trim(file_get_contents(__DIR__ . '/version')));

function big(string $head, int $size): Generator
{
    yield $head;
    for ($at = 0; $at < $size; $at += 8192) {
        yield str_repeat(chr(97 + $at / 8192 % 26), min(8192, $size - $at));
    }
}

function upload(Gw\Request $request): string
{
    $file = $request->bodyFile();
    $crc = $file === null ? hash('crc32b', $request->body()) : hash_file('crc32b', $file);
    return ($file === null ? strlen($request->body()) : filesize($file)) . " $crc";
}

$worker = new Gw\Worker();

$worker->onRequest = function (Gw\Request $request) {
    $head = $request->query('token', '') . ' ' . VERSION . "\n";
    if ($nap = (int) $request->query('nap', '0')) {
        usleep($nap * 1000);
    }
    switch (basename($request->path)) {
        case 'hang':
            while (true) {
                sleep(3600);
            }
        case 'exit':
            exit(1);
        case 'big':
            return Gw\Response::stream(big($head, (int) $request->query('size')));
        case 'whole':
            return $head . str_repeat('a', (int) $request->query('size'));
        case 'upload':
            return $head . upload($request);
    }
    return $head . $request->body();
};

$worker->onMessage = function (Gw\Connection $connection, string $data, bool $binary): void {
    while ($data === 'hang') {
        sleep(3600);
    }
    if (str_contains(substr($data, 0, 16), ' nap ')) {
        usleep(15_000);
    }
    $connection->send($data, binary: $binary);
};

$worker->run();
