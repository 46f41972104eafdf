<?php

declare(strict_types=1);

// Runs every test and exits non-zero when one fails.
//
//     php sdk-php/tests/run.php [part of a name]      both codecs, where ext-msgpack is loaded
//     php -n sdk-php/tests/run.php                    the codec in plain PHP
//
// A *Test.php file returns a function that adds its tests to a Suite; one that takes a codec runs once for each.

error_reporting(E_ALL);
ini_set('display_errors', 'stderr');

require __DIR__ . '/../autoload.php';
foreach (['Check', 'Suite', 'ScriptedTransport', 'Conversation', 'Sender', 'Child'] as $class) {
    require __DIR__ . "/support/$class.php";
}

set_error_handler(static function (int $level, string $message, string $file, int $line): bool {
    if ((error_reporting() & $level) === 0) {
        return false;
    }
    throw new ErrorException($message, 0, $level, $file, $line);
});

$codecs = ['pure PHP' => new Gw\Internal\PureCodec()];
if (extension_loaded('msgpack')) {
    $codecs['ext-msgpack'] = new Gw\Internal\ExtensionCodec();
}
$suite = new Suite($argv[1] ?? '');
foreach (glob(__DIR__ . '/*Test.php') as $file) {
    $tests = require $file;
    $ofCodec = (new ReflectionFunction($tests))->getNumberOfParameters() > 1;
    foreach ($ofCodec ? $codecs : ['' => null] as $name => $codec) {
        $suite->begin(basename($file, 'Test.php') . ($name === '' ? '' : ", $name"));
        $tests($suite, $codec);
    }
}
exit($suite->end());
