<?php

declare(strict_types=1);

use Gw\Internal\Codec;
use Gw\Internal\FrameReader;
use Gw\Internal\Op;
use Gw\Internal\Violation;

return static function (Suite $suite, Codec $codec): void {
    $values = [
        0, 1, 127, 128, 255, 256, 65535, 65536, 0xffffffff, 0x100000000, (1 << 53) - 1, PHP_INT_MAX,
        -1, -32, -33, -128, -129, -32768, -32769, -2147483648, -2147483649, PHP_INT_MIN,
        null, true, false, 1.5, -0.25, 1e300, '', 'a', "\0\xff", [], [[]], ['a' => ['b' => [1, 2]]],
        str_repeat('x', 31), str_repeat('x', 32), str_repeat('x', 255), str_repeat('x', 256), str_repeat('x', 65535), str_repeat('x', 65536),
        range(1, 15), range(1, 16), range(1, 65536), array_fill_keys(array_map(fn (int $i): string => "k$i", range(1, 16)), 1),
    ];
    $suite->test('every kind of value survives packing and unpacking', static function () use ($values, $codec): void {
        foreach ($values as $value) {
            Check::same([[Op::READY, $value]], $codec->decode(Conversation::frame([[Op::READY, $value]])));
        }
    });

    $suite->test('hot messages survive with ids and texts of every width', static function () use ($codec): void {
        foreach ([1, 127, 128, 255, 256, 65535, 65536, 0xffffffff, 0x100000000, (1 << 53) - 1] as $id) {
            foreach ([0, 31, 32, 255, 256, 65535, 65536] as $length) {
                $data = str_repeat("\x93", $length);
                $messages = [[Op::MSG, $id, 1, $data], [Op::REQ, $id, 0, 1, 'p', 'GET', '/', $data, '', $data], [Op::PING, $id]];
                Check::same($messages, $codec->decode(Conversation::frame($messages)));
                $work = array_slice($messages, 0, 2);
                Check::same($work, $codec->decode(Conversation::frame($work)));
            }
        }
    });

    $suite->test('refuses a payload cut short at every byte, and every byte behind it', static function () use ($codec): void {
        $frame = Conversation::frame([[Op::MSG, 300, 0, 'hello'], [Op::REQ, 1 << 40, 0, 1, 'p', 'GET', '/', '', "a: b\n", str_repeat('x', 300)], [Op::REPLY, 1, true, ['k' => [1.5, -5]]]]);
        for ($length = 4; $length < strlen($frame); ++$length) {
            Check::throws(Violation::class, static fn () => $codec->decode(substr($frame, 0, $length)));
        }
        for ($byte = 0; $byte < 256; ++$byte) {
            Check::throws(Violation::class, static fn () => $codec->decode($frame . chr($byte)));
        }
    });

    $invalid = [
        'ext type' => '919404 01c3 d40500', 'ext 8' => '919404 01c3 c7010500', 'the unused byte' => '919404 01c3 c1', 'nil key' => '919404 01c3 81c001',
        'boolean key' => '919404 01c3 81c301', 'array key' => '919404 01c3 819001', 'integer beyond 63 bits' => '919404 01c3 cfffffffffffffffff',
        'nested 9 deep' => '919404 01c3 9191919191919191c0', 'array bomb' => '919404 01c3 ddffffffff', 'map bomb' => '919404 01c3 dfffffffff',
        'text bomb' => '919404 01c3 dbffffffff61', 'no array' => 'c0', 'map of messages' => '81a1619105', 'integer for a message' => '9105', 'text for a message' => '91a161',
    ];
    foreach ($invalid as $name => $hex) {
        $suite->test("refuses: $name", static fn () => Check::throws(Violation::class, static fn () => $codec->decode("\0\0\0\1" . hex2bin(str_replace(' ', '', $hex)))));
    }

    $suite->test('takes frames cut at every byte boundary', static function () use ($codec): void {
        $bytes = Conversation::frame([[Op::MSG, 1, 0, 'one'], [Op::PING, 5]]) . Conversation::frame([[Op::MSG, 2, 1, 'two']]);
        for ($cut = 0; $cut <= strlen($bytes); ++$cut) {
            $frames = new FrameReader($codec);
            $got = [];
            foreach ([substr($bytes, 0, $cut), substr($bytes, $cut)] as $part) {
                $frames->feed($part);
                while (($batch = $frames->next()) !== null) {
                    array_push($got, ...$batch);
                }
            }
            Check::same([[Op::MSG, 1, 0, 'one'], [Op::PING, 5], [Op::MSG, 2, 1, 'two']], $got, "cut at $cut");
        }
    });

    $suite->test('takes a frame byte by byte', static function () use ($codec): void {
        $frames = new FrameReader($codec);
        $bytes = Conversation::frame([[Op::MSG, 1, 0, 'one']]);
        foreach (str_split($bytes) as $i => $byte) {
            $frames->feed($byte);
            Check::same($i === strlen($bytes) - 1 ? [[Op::MSG, 1, 0, 'one']] : null, $frames->next());
        }
    });

    $suite->test('refuses a frame length of 0, beyond max_frame, and text', static function () use ($codec): void {
        foreach (["\0\0\0\0", "\0\0\x10\1", "\1\0\0\0", "PHP Warning: "] as $bytes) {
            $frames = new FrameReader($codec);
            $frames->maxFrame = 4096;
            $frames->feed($bytes);
            Check::throws(Violation::class, static fn () => $frames->next(), 'frame length out of range');
        }
    });
};
