<?php
// Workerman as the recording handler of conformance/http1, from the checkout
// that WORKERMAN_SRC names; workerman/coroutine is in its vendor folder, or
// beside the checkout.
declare(strict_types=1);

use Workerman\Protocols\Http\Response;
use Workerman\Worker;

$source = getenv('WORKERMAN_SRC');
if (is_file("$source/vendor/autoload.php")) {
    require "$source/vendor/autoload.php";
} else {
    spl_autoload_register(static function (string $class) use ($source): void {
        $file = str_replace('\\', '/', substr($class, strlen('Workerman\\'))) . '.php';
        foreach (["src/$file", "../coroutine/src/" . preg_replace('~^Coroutine/~', '', $file)] as $path) {
            if (is_file("$source/$path")) {
                require "$source/$path";
                return;
            }
        }
    });
}

$worker = new Worker('http://' . getenv('ADDRESS'));
$worker->onMessage = static function ($connection, $request): void {
    if (in_array($request->method(), ['CONNECT', 'TRACE'], true)) { // what every application should do
        $connection->send(new Response(405, ['Allow' => 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS']));
        return;
    }
    $text = $request->method() . ' ' . $request->uri() . ' ' . ($request->header('host') ?: '-');
    $body = $request->rawBody();
    if ($body !== '') {
        $text .= ' ' . strlen($body) . (strlen($body) <= 64 ? ":$body" : '');
    }
    $value = $request->header('x-test') ?? '';
    $connection->send(new Response(200, ['Content-Type' => 'text/plain'], $value === '' ? $text : "$text x-test=$value"));
};
Worker::$pidFile = getcwd() . '/workerman.pid';
Worker::$logFile = getcwd() . '/workerman.log';
Worker::runAll();
