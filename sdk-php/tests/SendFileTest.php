<?php

declare(strict_types=1);

use Gw\Internal\Codec;
use Gw\Internal\Op;
use Gw\Internal\SendFolders;
use Gw\Response;
use Gw\Worker;

return static function (Suite $suite, Codec $codec): void {
    $root = realpath(sys_get_temp_dir()) . '/gw-send-' . getmypid() . '-' . bin2hex(random_bytes(4));
    mkdir("$root/files", 0755, true);
    register_shutdown_function(static function () use ($root): void {
        array_map('unlink', glob("$root/{files/*,link-in,*.pdf}", GLOB_BRACE));
        @rmdir("$root/files") && rmdir($root);
    });
    foreach (["$root/files/report.pdf", "$root/outside.pdf"] as $path) {
        file_put_contents($path, 'content');
    }
    symlink("$root/files/report.pdf", "$root/link-in");
    symlink("$root/outside.pdf", "$root/files/link-out");
    $own = fileowner('/proc/self');
    $run = static function (callable $onRequest, array $hello) use ($codec): array {
        $worker = new Worker();
        $worker->onRequest = $onRequest;

        return array_merge(...Conversation::run($worker, $codec, [[Conversation::request(9)]], $hello));
    };
    $body = static fn (array $messages): string => implode('', array_map(static fn (array $m): string => $m[0] === Op::RES_CHUNK ? $m[2] : '', $messages));
    $folders = ['sendfile' => ["$root/files"], 'uid' => $own];

    $suite->test('finds files in the folders of the gateway alone', static function () use ($root, $own): void {
        $folders = new SendFolders(["$root/files"], $own);
        $file = "$root/files/report.pdf";
        foreach ([$file, "$root/files/../files//report.pdf", "$root/link-in"] as $path) {
            Check::same($file, $folders->find($path));
        }
        foreach (["$root/outside.pdf", "$root/files/link-out", "$root/files/../outside.pdf", "$root/files", "$root/files/none", "$root/files2", "a\0b"] as $path) {
            Check::same(null, $folders->find($path));
        }
        Check::same(null, (new SendFolders([], 0))->find($file));
        Check::same($file, (new SendFolders(['/'], 0))->find($file));
    });
    $suite->test('leaves a file alone that the account of the gateway may not read', static function () use ($root, $own): void {
        $file = "$root/files/report.pdf";
        foreach ([[0644, 0755, true], [0640, 0755, false], [0644, 0750, false], [0604, 0701, true]] as [$mode, $folder, $wanted]) {
            chmod($file, $mode);
            chmod("$root/files", $folder);
            Check::same($wanted, (new SendFolders(["$root/files"], $own + 1))->find($file) !== null);
        }
        chmod($file, 0600);
        Check::same($file, (new SendFolders(["$root/files"], 0))->find($file));
        chmod($file, 0644);
        chmod("$root/files", 0755);
    });
    $suite->test('lets the gateway send a file', static function () use ($run, $root, $folders): void {
        $messages = $run(static fn () => Response::file("$root/files/report.pdf", ['x-a' => 'b']), $folders);
        Check::same([Op::RES_FILE, 9, 200, ['x-a' => 'b', 'content-type' => 'application/pdf', 'content-length' => '7'], "$root/files/report.pdf"], $messages[0]);
        Check::same([Op::ACK, 1], $messages[1]);
    });
    $suite->test('sends what the gateway cannot', static function () use ($run, $body, $root, $folders): void {
        foreach ([["$root/outside.pdf", $folders], ["$root/files/report.pdf", []]] as [$path, $hello]) {
            $messages = $run(static fn () => Response::file($path), $hello);
            Check::same([Op::RES_START, 'content'], [$messages[0][0], $body($messages)]);
        }
    });
    $suite->test('sends a file itself that is to be deleted', static function () use ($run, $body, $root, $folders): void {
        file_put_contents("$root/files/once.txt", 'once');
        $messages = $run(static fn () => Response::file("$root/files/once.txt", delete: true), $folders);
        Check::same([Op::RES_START, 'once', false], [$messages[0][0], $body($messages), file_exists("$root/files/once.txt")]);
    });
};
