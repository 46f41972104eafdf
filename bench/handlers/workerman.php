<?php
// The scenarios on Workerman, from the checkout in WORKERMAN_SRC. Its own
// dependency, workerman/coroutine, is found in vendor/ or beside the checkout.
declare(strict_types=1);

use Workerman\Connection\TcpConnection;
use Workerman\Protocols\Http\Request;
use Workerman\Protocols\Http\Response;
use Workerman\Worker;

require __DIR__ . '/summary.php';

$source = getenv('WORKERMAN_SRC');
if (is_file("$source/vendor/autoload.php")) {
    require "$source/vendor/autoload.php";
} else {
    spl_autoload_register(function (string $class) use ($source): void {
        $file = str_replace('\\', '/', substr($class, strlen('Workerman\\'))) . '.php';
        foreach (["src/$file", "../coroutine/src/$file", "../coroutine/src/" . substr($file, strlen('Coroutine/'))] as $path) {
            if (is_file("$source/$path")) {
                require "$source/$path";
                return;
            }
        }
    });
}

$scenario = getenv('BENCH_SCENARIO');
$scheme = ['ws' => 'websocket', 'text' => 'text'][$scenario] ?? 'http';
$worker = new Worker("$scheme://" . getenv('BENCH_ADDRESS'));
$worker->count = (int) getenv('BENCH_WORKERS');
$worker->onMessage = match ($scenario) {
    'hello' => fn (TcpConnection $connection, Request $request) => $connection->send('Hello, World!'),
    'vary' => fn (TcpConnection $connection, Request $request)
        => $connection->send($request->get('n') . ' ' . $request->header('x-visit')),
    'json' => fn (TcpConnection $connection, Request $request) => $connection->send($request->path() === '/json'
        ? new Response(
            200,
            ['Content-Type' => 'application/json'],
            summary($request->rawBody(), $request->get('channel'), $request->header('x-visit')),
        )
        : new Response(404, [], 'no such page')),
    'ws', 'text' => fn (TcpConnection $connection, string $data) => $connection->send($data),
};

Worker::$pidFile = __DIR__ . '/workerman.pid';
Worker::$logFile = __DIR__ . '/workerman.log';
Worker::runAll();
