<?php

declare(strict_types=1);

namespace Gw\Internal;

/**
 * Encodes msgpack in plain PHP.
 *
 * A list becomes an array, every other array a map with text keys: PHP cannot tell "5" from 5, and all maps of the
 * protocol have text keys. Strings are written as str, as ext-msgpack does; receivers take str for bytes.
 */
final class Packer
{
    /** @param int $depth how many levels may still be nested */
    public static function value(mixed $value, int $depth = Limit::DEPTH): string
    {
        return match (true) {
            \is_string($value) => self::text($value),
            \is_int($value) => self::integer($value),
            \is_array($value) => \array_is_list($value) ? self::list($value, $depth) : self::map($value, $depth),
            $value === null => "\xc0",
            \is_bool($value) => $value ? "\xc3" : "\xc2",
            \is_float($value) => "\xcb" . \pack('E', $value),
            default => throw new \InvalidArgumentException('cannot pack ' . \get_debug_type($value)),
        };
    }

    /** @param list<mixed> $values */
    private static function list(array $values, int $depth): string
    {
        self::descend($depth);
        $count = \count($values);
        $packed = $count < 16 ? \chr(0x90 | $count) : ($count < 65536 ? "\xdc" . \pack('n', $count) : "\xdd" . \pack('N', $count));
        foreach ($values as $value) {
            $packed .= self::value($value, $depth - 1);
        }

        return $packed;
    }

    /** @param array<mixed> $values also a list, which becomes a map with the keys "0", "1", … */
    public static function map(array $values, int $depth = Limit::DEPTH): string
    {
        self::descend($depth);
        $count = \count($values);
        $packed = $count < 16 ? \chr(0x80 | $count) : ($count < 65536 ? "\xde" . \pack('n', $count) : "\xdf" . \pack('N', $count));
        foreach ($values as $key => $value) {
            $packed .= self::text((string) $key) . self::value($value, $depth - 1);
        }

        return $packed;
    }

    private static function descend(int $depth): void
    {
        if ($depth === 0) {
            throw new \InvalidArgumentException('cannot pack arrays nested deeper than ' . Limit::DEPTH . ' levels');
        }
    }

    private static function text(string $text): string
    {
        return self::prefix(\strlen($text)) . $text;
    }

    /** What stands in front of a text of so many bytes. */
    public static function prefix(int $length): string
    {
        return match (true) {
            $length < 32 => \chr(0xa0 | $length),
            $length < 256 => "\xd9" . \chr($length),
            $length < 65536 => "\xda" . \pack('n', $length),
            default => "\xdb" . \pack('N', $length),
        };
    }

    public static function integer(int $n): string
    {
        if ($n < 0) {
            return $n >= -32 ? \chr($n & 0xff) : "\xd3" . \pack('J', $n);
        }

        return match (true) {
            $n < 128 => \chr($n),
            $n < 256 => "\xcc" . \chr($n),
            $n < 65536 => "\xcd" . \pack('n', $n),
            $n <= 0xffffffff => "\xce" . \pack('N', $n),
            default => "\xcf" . \pack('J', $n),
        };
    }
}
