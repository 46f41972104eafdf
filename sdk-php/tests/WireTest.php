<?php

declare(strict_types=1);

use Gw\Internal\Codec;
use Gw\Internal\FrameReader;
use Gw\Internal\Shape;
use Gw\Internal\Unpacker;
use Gw\Internal\Violation;

// The vectors that the gateway and all SDKs read.
return static function (Suite $suite, Codec $codec): void {
    $vectors = json_decode(file_get_contents(__DIR__ . '/../../protocol/testdata/wire-vectors.json'), true, 64, JSON_THROW_ON_ERROR);

    $plain = static function (mixed $value) use (&$plain): mixed {
        if (!is_array($value)) {
            return $value;
        }
        if (array_keys($value) === ['$bytes']) {
            return hex2bin($value['$bytes']);
        }
        $value = array_map($plain, $value);
        array_is_list($value) || ksort($value);

        return $value;
    };
    $read = static function (string $bytes) use ($codec): array {
        $frames = new FrameReader($codec);
        $frames->feed($bytes);
        $messages = $frames->next() ?? throw new RuntimeException('frame is incomplete');
        array_map(Shape::check(...), $messages);

        return $messages;
    };
    // The extension packs what JSON shows as null for an empty array of headers or ids as the array it is.
    $nils = [[Gw\Internal\Op::RES_END, 2], [Gw\Internal\Op::ACCEPT, 2]];
    $emptied = static fn (array $messages): array => array_map(static fn (array $m): array => [
        ...array_map(static fn (mixed $field, int $i): mixed => $field ?? (in_array([$m[0], $i], $nils, true) ? null : []), $m, array_keys($m)),
    ], $messages);

    foreach ($vectors['frames'] as ['name' => $name, 'from' => $from, 'hex' => $hex, 'messages' => $messages]) {
        $messages = $plain($messages);
        if ($from === 'gateway') {
            $suite->test("decodes: $name", static fn () => Check::same($messages, $plain($read(hex2bin($hex)))));
        } else {
            $suite->test("encodes: $name", static function () use ($messages, $emptied, $hex, $plain): void {
                $unpacker = new Unpacker();
                $theirs = $plain($unpacker->messages(substr(hex2bin($hex), 4)));
                Check::same($emptied($messages), $theirs, 'vector');
                Check::same($theirs, $plain($unpacker->messages(Conversation::frame($theirs), 4)));
            });
        }
    }
    foreach ($vectors['invalid'] as ['name' => $name, 'from' => $from, 'hex' => $hex]) {
        if ($from === 'gateway') {
            $suite->test("refuses: $name", static fn () => Check::throws(Violation::class, static fn () => $read(hex2bin($hex))));
        }
    }
};
