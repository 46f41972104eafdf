<?php
// Writes to stdout and stderr in every way PHP offers, then answers.
declare(strict_types=1);

echo "printed at boot\n";
$worker = new Gw\Worker();
$worker->onRequest = function (Gw\Request $request): string {
    echo "printed in a request\n";
    print str_repeat('x', 100_000) . "\n";
    var_dump([1, 2, 3]);
    error_log('written to the error log');
    fwrite(STDERR, "written to stderr\n");
    fwrite(STDOUT, "written to stdout\n");
    return 'untouched';
};
$worker->run();
