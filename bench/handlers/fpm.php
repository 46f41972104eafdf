<?php
// The scenarios as a classic PHP page, for php-fpm.
declare(strict_types=1);

require __DIR__ . '/summary.php';

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$body = match ($path) {
    '/json' => summary(file_get_contents('php://input'), $_GET['channel'], $_SERVER['HTTP_X_VISIT']),
    '/vary' => $_GET['n'] . ' ' . $_SERVER['HTTP_X_VISIT'],
    default => 'Hello, World!',
};
header('Content-Type: ' . ($path === '/json' ? 'application/json' : 'text/plain'));
header('Content-Length: ' . strlen($body));
echo $body;
