<?php
// Every kind of answer.
declare(strict_types=1);

$worker = new Gw\Worker();

$worker->onRequest = fn (Gw\Request $request) => match ($request->path) {
    '/text' => 'a string becomes text/plain, or text/html when it begins with <',
    '/json' => ['an' => 'array becomes JSON'],
    '/page' => Gw\Response::html('<h1>Hello</h1>'),
    '/old' => Gw\Response::redirect('/page'),
    '/made' => new Gw\Response(201, ['location' => '/things/1', 'set-cookie' => ['a=1', 'b=2']], 'made'),
    '/report' => Gw\Response::stream(rows()),
    '/news' => Gw\Response::events(news()),
    default => new Gw\Response(404, [], 'no such page'),
};

// Each piece goes out when it is yielded; a slow client slows the loop down.
function rows(): Generator
{
    for ($row = 1; $row <= 1000; $row++) {
        yield "row $row\n";
    }
}

// Server-sent events, for EventSource in a browser.
function news(): Generator
{
    yield 'a string is the data of an event';
    yield ['event' => 'price', 'id' => 7, 'data' => '42'];
}

$worker->run();
