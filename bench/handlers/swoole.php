<?php
// The scenarios on Swoole, in the mode that BENCH_MODE names: BASE (one process
// parses and answers) or PROCESS (reactor threads hand work to the workers).
declare(strict_types=1);

require __DIR__ . '/summary.php';

$scenario = getenv('BENCH_SCENARIO');
[$host, $port] = explode(':', getenv('BENCH_ADDRESS'));
$mode = getenv('BENCH_MODE') === 'BASE' ? SWOOLE_BASE : SWOOLE_PROCESS;
$class = ['ws' => Swoole\WebSocket\Server::class, 'text' => Swoole\Server::class][$scenario] ?? Swoole\Http\Server::class;
$server = new $class($host, (int) $port, $mode);
$server->set([
    'worker_num' => (int) getenv('BENCH_WORKERS'),
    'reactor_num' => 1,
    'log_level' => SWOOLE_LOG_WARNING,
    'enable_coroutine' => false,
    'http_compression' => false,
    'open_eof_split' => $scenario === 'text',
    'package_eof' => "\n",
]);

match ($scenario) {
    'ws' => $server->on('message', fn ($server, $frame) => $server->push($frame->fd, $frame->data)),
    'text' => $server->on('receive', fn ($server, $connection, $reactor, $line) => $server->send($connection, $line)),
    default => $server->on('request', function ($request, $response): void {
        match ($request->server['request_uri']) {
            '/vary' => $response->end($request->get['n'] . ' ' . $request->header['x-visit']),
            '/json' => $response->header('Content-Type', 'application/json') && $response->end(
                summary($request->rawContent(), $request->get['channel'], $request->header['x-visit']),
            ),
            default => $response->end('Hello, World!'),
        };
    }),
};
$server->start();
