<?php
// What no SDK can do without, and nothing else: reads, unpacks, packs, writes. bare.php WORK
declare(strict_types=1);

ini_set('msgpack.php_only', '0');
$in = fopen('php://fd/3', 'rb');
$out = fopen('php://fd/4', 'wb');
stream_set_read_buffer($in, 0);
stream_set_write_buffer($out, 0);

if (extension_loaded('msgpack')) {
    [$unpack, $pack] = ['msgpack_unpack', 'msgpack_pack'];
} else {
    $unpacker = new Gw\Internal\Unpacker();
    $unpack = $unpacker->messages(...);
    $pack = static function (array $messages): string {
        $packed = "\xdc" . pack('n', count($messages));
        foreach ($messages as $m) {
            $packed .= match ($m[0]) {
                0x20 => "\x95\x20\xcf" . pack('J', $m[1]) . "\xcc\xc8" . packed($m[3]) . "\xda" . pack('n', strlen($m[4])) . $m[4],
                0x40 => "\x94\x40\xcf" . pack('J', $m[1]) . "\0\xda" . pack('n', strlen($m[3])) . $m[3],
                default => Gw\Internal\Packer::value($m),
            };
        }

        return $packed;
    };
}

/** The headers are the same in every answer. */
function packed(array $headers): string
{
    static $packed = null;

    return $packed ??= Gw\Internal\Packer::value($headers);
}

$headers = match ($argv[1]) {
    'hello' => ['content-type' => 'text/plain; charset=utf-8'],
    default => ['content-type' => 'application/json', 'cache-control' => 'no-store', 'x-frame-options' => 'DENY', 'vary' => 'accept-encoding', 'x-powered-by' => 'gw'],
};
$ready = ['pid' => getmypid(), 'language' => 'php', 'language_version' => PHP_VERSION, 'sdk' => 'none', 'concurrency' => 1, 'events' => ['request', 'message']];

for ($bytes = ''; true;) {
    $read = fread($in, 65536);
    if ($read === '' || $read === false) {
        exit(0);
    }
    $bytes = $bytes === '' ? $read : $bytes . $read;
    $answers = [];
    $done = 0;
    for ($at = 0, $end = strlen($bytes); $end - $at >= 4; $at += $length + 4) {
        $length = unpack('N', $bytes, $at)[1];
        if ($end - $at - 4 < $length) {
            break;
        }
        foreach ($unpack(substr($bytes, $at + 4, $length)) as $m) {
            if ($m[0] === 0x10) {
                $answers[] = [0x20, $m[1], 200, $headers, $m[9] === '' ? 'Hello, World!' : $m[9]];
                ++$done;
            } elseif ($m[0] === 0x31) {
                $answers[] = [0x40, $m[1], 0, $m[3]];
                ++$done;
            } elseif ($m[0] === 1) {
                $answers[] = [5, 1, $ready];
            }
        }
    }
    $bytes = $at === $end ? '' : substr($bytes, $at);
    if ($answers !== []) {
        $answers[] = [8, $done];
        $frame = $pack($answers);
        fwrite($out, pack('N', strlen($frame)) . $frame);
    }
}
