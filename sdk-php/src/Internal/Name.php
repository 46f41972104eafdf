<?php

declare(strict_types=1);

namespace Gw\Internal;

/** Text that names something: refused here with a trace into the handler, not by the gateway as a violation. */
final class Name
{
    public static function group(string $group): string
    {
        if ($group === '' || strlen($group) > Limit::NAME) {
            throw new \InvalidArgumentException('a group name has 1 to ' . Limit::NAME . ' bytes');
        }

        return self::text($group, 'group');
    }

    public static function text(string $text, string $what): string
    {
        return preg_match('//u', $text) === 1 ? $text : throw new \InvalidArgumentException("$what is not UTF-8");
    }
}
