<?php

declare(strict_types=1);

return static function (Suite $suite): void {
    $autoload = realpath(__DIR__ . '/../autoload.php');
    $script = static function (string $code) use ($autoload): string {
        $file = tempnam(sys_get_temp_dir(), 'gw-script');
        file_put_contents($file, "<?php $code");
        $process = proc_open([PHP_BINARY, '-n', '-d', 'auto_prepend_file=' . $autoload, $file], [['file', '/dev/null', 'r'], ['pipe', 'w'], ['pipe', 'w']], $pipes);
        $output = stream_get_contents($pipes[1]) . stream_get_contents($pipes[2]);
        proc_close($process);
        unlink($file);

        return $output;
    };
    $suite->test('finds the classes when it is prepended', static fn () => Check::same('1', $script('echo class_exists("Gw\Worker");')));
    $suite->test('leaves no variable, class or output behind', static fn () => Check::same('[]', $script(
        'echo json_encode([...array_diff(array_keys(get_defined_vars()), ["_GET", "_POST", "_COOKIE", "_FILES", "argv", "argc", "_SERVER"]), ...array_filter(get_declared_classes(), fn ($c) => str_starts_with($c, "Gw"))]);'
    )));
    $suite->test('stays silent about classes it does not have', static fn () => Check::same('no', $script('echo class_exists("Gw\Nonsense") || class_exists("Gwen") ? "yes" : "no";')));
    $suite->test('gives way to a copy installed by Composer', static fn () => Check::same('composer', $script(
        'spl_autoload_register(function ($c) { if ($c === "Gw\Worker") { eval("namespace Gw; class Worker { const FROM = \"composer\"; }"); } }, true, true); echo Gw\Worker::FROM;'
    )));
    $suite->test('may be required again', static fn () => Check::same('1', $script("require '$autoload'; require '$autoload'; echo class_exists('Gw\Request');")));
};
