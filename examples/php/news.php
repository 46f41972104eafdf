<?php
// An event stream without a worker behind it: GET /news listens, POST /news tells everybody.
declare(strict_types=1);

const PAGE = <<<'HTML'
    <!doctype html><title>News</title><ul id=news></ul>
    <script>
    const news = new EventSource("/news");
    news.onmessage = e => document.getElementById("news").append(Object.assign(document.createElement("li"), {textContent: e.data}));
    </script>
    HTML;

$worker = new Gw\Worker();

$worker->onRequest = function (Gw\Request $request): string|Gw\Response {
    if ($request->path !== '/news') {
        return PAGE;
    }
    if ($request->method === 'POST') {
        $event = new Gw\Event($request->body(), id: (int) (microtime(true) * 1000));
        Gw\Gateway::publish('news', $event);                    // a WebSocket in this group gets the text
        return 'told';
    }
    $missed = $request->header('Last-Event-ID');                // a browser that was away says what it saw last
    $welcome = new Gw\Event($missed === null ? 'welcome' : 'welcome back', retry: 1000);
    return Gw\Response::events(join: ['news'], first: [$welcome]);  // the answer goes on, this worker does not
};

$worker->run();
