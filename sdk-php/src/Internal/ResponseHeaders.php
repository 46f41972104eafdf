<?php

declare(strict_types=1);

namespace Gw\Internal;

/** What a handler gives as headers, made fit for the wire. */
final class ResponseHeaders
{
    /** @var array<mixed> what a handler gave last: handlers repeat themselves, and comparing is cheaper than checking */
    private static array $given = [];

    /** @var array<mixed> the same, clean */
    private static array $clean = [];

    /** @var array<string, string> the default that was asked for with it */
    private static array $default = [];

    /** @var array<mixed> and both together */
    private static array $both = [];

    /**
     * @param array<mixed> $headers
     *
     * @return array<mixed>
     *
     * @throws \InvalidArgumentException for what would split the answer
     */
    public static function clean(array $headers): array
    {
        return array_is_list($headers) ? array_map(self::pair(...), $headers) : self::map($headers);
    }

    /**
     * Clean headers, and what $default has beside them.
     *
     * @param array<mixed>          $headers
     * @param array<string, string> $default
     *
     * @return array<mixed>
     *
     * @throws \InvalidArgumentException
     */
    public static function of(array $headers, array $default): array
    {
        if ($headers === self::$given && $default === self::$default) {
            return self::$both;
        }
        if ($headers !== self::$given) {
            self::$clean = self::clean($headers);
            self::$given = $headers;
        }
        self::$both = $default === [] ? self::$clean : self::default(self::$clean, $default);
        self::$default = $default;

        return self::$both;
    }

    /**
     * Adds those of $defaults that $headers do not have.
     *
     * @param array<mixed>          $headers
     * @param array<string, string> $defaults
     *
     * @return array<mixed>
     */
    public static function default(array $headers, array $defaults): array
    {
        if ($headers === []) {
            return $defaults;
        }
        $pairs = array_is_list($headers);
        $names = array_map(strtolower(...), $pairs ? array_column($headers, 0) : array_map(strval(...), array_keys($headers)));
        foreach (array_diff_key($defaults, array_flip($names)) as $name => $value) {
            $pairs ? $headers[] = [$name, $value] : $headers[$name] = $value;
        }

        return $headers;
    }

    /**
     * @param array<mixed> $headers
     *
     * @return array<string, string|list<string>>
     */
    private static function map(array $headers): array
    {
        $map = [];
        foreach ($headers as $name => $value) {
            $name = self::name($name);
            $map[$name] = is_array($value) ? array_map(static fn ($one) => self::value($name, $one), array_values($value)) : self::value($name, $value);
        }

        return $map;
    }

    /** @return array{string, string} */
    private static function pair(mixed $pair): array
    {
        if (!is_array($pair) || !array_is_list($pair) || count($pair) !== 2) {
            throw new \InvalidArgumentException('headers are name => value, or a list of [name, value] pairs');
        }
        $name = self::name($pair[0]);

        return [$name, self::value($name, $pair[1])];
    }

    /** A token of RFC 9110 section 5.6.2. */
    private static function name(mixed $name): string
    {
        if (!is_string($name) || preg_match('/^[!#$%&\'*+.^_`|~0-9A-Za-z-]+$/D', $name) !== 1) {
            throw new \InvalidArgumentException('not a header name: ' . var_export($name, true));
        }

        return $name;
    }

    private static function value(string $name, mixed $value): string
    {
        if (is_int($value) || is_float($value) || $value instanceof \Stringable) {
            $value = (string) $value;
        }
        if (!is_string($value) || strpbrk($value, "\r\n\0") !== false) {
            throw new \InvalidArgumentException("header $name: not a text of one line");
        }

        return $value;
    }
}
