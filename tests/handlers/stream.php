<?php
// Streams: ?chunks= pieces of ?size= bytes; /events as server-sent events; /cut breaks off in the middle.
declare(strict_types=1);

function pieces(int $chunks, int $size): Generator
{
    for ($i = 0; $i < $chunks; $i++) {
        yield str_repeat(chr(97 + $i % 26), $size);
    }
}

function cut(): Generator
{
    yield 'the beginning';
    throw new RuntimeException('cut off on purpose');
}

function numbers(): Generator
{
    foreach ([1, 2, 3] as $number) {
        yield ['event' => 'number', 'id' => $number, 'data' => "number $number"];
    }
}

$worker = new Gw\Worker();
$worker->onRequest = fn (Gw\Request $request) => match ($request->path) {
    '/events' => Gw\Response::events(numbers()),
    '/cut' => Gw\Response::stream(cut()),
    '/pid' => (string) getmypid(),
    default => Gw\Response::stream(pieces((int) $request->query('chunks', '3'), (int) $request->query('size', '1000'))),
};
$worker->run();
