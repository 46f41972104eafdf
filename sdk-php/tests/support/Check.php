<?php

declare(strict_types=1);

/** Assertions: they throw. */
final class Check
{
    public static function same(mixed $expected, mixed $actual, string $what = ''): void
    {
        if ($expected !== $actual) {
            throw new RuntimeException(($what === '' ? '' : "$what: ") . 'expected ' . self::show($expected) . ', got ' . self::show($actual));
        }
    }

    public static function true(bool $condition, string $what): void
    {
        $condition || throw new RuntimeException("not so: $what");
    }

    public static function contains(string $part, string $whole): void
    {
        str_contains($whole, $part) || throw new RuntimeException('expected ' . self::show($part) . ' in ' . self::show($whole));
    }

    /** @param class-string<Throwable> $class */
    public static function throws(string $class, callable $body, string $message = ''): void
    {
        try {
            $body();
        } catch (Throwable $thrown) {
            $thrown instanceof $class || throw $thrown;
            self::contains($message, $thrown->getMessage());

            return;
        }

        throw new RuntimeException("expected $class, nothing was thrown");
    }

    private static function show(mixed $value): string
    {
        $text = is_string($value) ? '"' . addcslashes($value, "\0..\37\"\177..\377") . '"' : var_export($value, true);

        return strlen($text) > 600 ? substr($text, 0, 600) . ' … (' . strlen($text) . ' bytes)' : $text;
    }
}
