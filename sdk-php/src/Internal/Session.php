<?php

declare(strict_types=1);

namespace Gw\Internal;

/** A connection's session on the wire: a msgpack map with text keys, always by the strict codec. */
final class Session
{
    /** @param array<mixed> $session scalars, null and arrays of them */
    public static function encode(array $session): string
    {
        $packed = Packer::map($session, Limit::DEPTH - 1);
        if (strlen($packed) > Limit::SESSION) {
            throw new \LengthException('a session holds at most ' . Limit::SESSION . ' bytes, this one has ' . strlen($packed));
        }

        return $packed;
    }

    /** @return array<mixed> */
    public static function decode(string $packed): array
    {
        $session = $packed === '' ? [] : (new Unpacker())->unpack($packed);

        return is_array($session) ? $session : throw new Violation('session is not a map', $packed);
    }
}
