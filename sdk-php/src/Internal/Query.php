<?php

declare(strict_types=1);

namespace Gw\Internal;

/** Query strings, urlencoded forms and cookies. */
final class Query
{
    /** @return array<mixed> what PHP makes of it: brackets nest, and dots and blanks in names become underscores */
    public static function parse(string $query): array
    {
        if ($query === '') {
            return [];
        }
        @parse_str($query, $values); // silent: past max_input_vars it warns, and clients could fill the log

        return $values;
    }

    /**
     * @param array<mixed> $values of parse()
     */
    public static function pick(array $values, ?string $name, mixed $default): mixed
    {
        return $name === null ? $values : $values[$name] ?? $values[strtr($name, '. ', '__')] ?? $default;
    }

    /** @return array<string, string> the first of a name wins, as in PHP: the most specific path comes first */
    public static function cookies(string $field): array
    {
        $cookies = [];
        foreach (explode(';', $field) as $pair) {
            [$name, $value] = explode('=', $pair, 2) + [1 => null];
            $name = trim($name);
            if ($name !== '' && $value !== null) {
                $cookies[$name] ??= urldecode(trim($value, " \t\""));
            }
        }

        return $cookies;
    }
}
