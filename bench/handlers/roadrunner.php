<?php
// The scenarios as a worker of RoadRunner, with its packages from the vendor
// folder in RR_PHP. HttpWorker without PSR-7 objects: its fastest way.
declare(strict_types=1);

use Spiral\RoadRunner\Http\HttpWorker;
use Spiral\RoadRunner\Worker;

require getenv('RR_PHP') . '/autoload.php';
require __DIR__ . '/summary.php';

$worker = new HttpWorker(Worker::create());
while ($request = $worker->waitRequest()) {
    parse_str(parse_url($request->uri, PHP_URL_QUERY) ?? '', $query);
    $visit = $request->headers['X-Visit'][0] ?? '';
    match (parse_url($request->uri, PHP_URL_PATH)) {
        '/vary' => $worker->respond(200, $query['n'] . ' ' . $visit),
        '/json' => $worker->respond(200, summary($request->body, $query['channel'], $visit), ['Content-Type' => ['application/json']]),
        default => $worker->respond(200, 'Hello, World!'),
    };
}
