<?php

declare(strict_types=1);

namespace Gw\Internal;

/** The fields that a message from the gateway must have: one letter each behind the op, as docs/protocol.md writes them. */
final class Shape
{
    private const FIELDS = [
        Op::HELLO => 'uum',
        Op::PING => 'u',
        Op::DRAIN => 'us',
        Op::REPLY => 'uov',
        Op::REQ => 'uuussssss',
        Op::BODY => 'usu',
        Op::CREDIT => 'uu',
        Op::ABORT => 'uu',
        Op::OPEN => 'uusssss',
        Op::MSG => 'uus',
        Op::CLOSED => 'uus',
        Op::ATTACH => 'uussssss',
        Op::BUF => 'uu',
        Op::DETACH => 'u',
        Op::DGRAM => 'usssu',
    ];

    /**
     * @param list<mixed> $message
     *
     * @throws Violation
     */
    public static function check(array $message): void
    {
        $op = $message[0] ?? null;
        if (!is_int($op) || $op < 0) {
            throw new Violation('op is no unsigned integer');
        }
        $fields = self::FIELDS[$op] ?? null;
        if ($fields === null) {
            $op >= Op::OPTIONAL || throw new Violation(sprintf('unknown op 0x%02x', $op));

            return;
        }
        foreach (str_split($fields) as $i => $kind) {
            if (!array_key_exists($i + 1, $message) || !self::fits($message[$i + 1], $kind)) {
                throw new Violation(sprintf('op 0x%02x: field %d is missing or of the wrong type', $op, $i + 1));
            }
        }
    }

    private static function fits(mixed $value, string $kind): bool
    {
        return match ($kind) {
            'u' => is_int($value) && $value >= 0 && $value <= Limit::INTEGER,
            's' => is_string($value),
            'o' => is_bool($value),
            'm' => is_array($value),
            'v' => true,
        };
    }
}
