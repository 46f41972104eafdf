<?php
// Workerman as an echo server, from the checkout that WORKERMAN_SRC names.
declare(strict_types=1);

use Workerman\Worker;

spl_autoload_register(static function (string $class): void {
    if (str_starts_with($class, 'Workerman\\')) {
        $file = getenv('WORKERMAN_SRC') . '/src/' . str_replace('\\', '/', substr($class, 10)) . '.php';
        is_file($file) && require $file;
    }
});

$worker = new Worker('websocket://' . getenv('ADDRESS'));
$worker->onMessage = static function ($connection, $data): void {
    $connection->send($data);
};
Worker::$pidFile = getcwd() . '/workerman.pid';
Worker::$logFile = getcwd() . '/workerman.log';
Worker::runAll();
