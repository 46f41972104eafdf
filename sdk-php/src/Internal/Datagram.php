<?php

declare(strict_types=1);

namespace Gw\Internal;

/** What goes out to an address instead of a connection. */
final class Datagram
{
    /** The longest payload of UDP over IPv4. */
    private const BYTES = 65507;

    /** @return list<mixed> DGRAM_SEND */
    public static function message(int $lid, string $peer, string $data, string $local = ''): array
    {
        if (\strlen($data) > self::BYTES) {
            throw new \LengthException('a datagram has at most ' . self::BYTES . ' bytes, not ' . \strlen($data));
        }

        return $local === '' ? [Op::DGRAM_SEND, $lid, $peer, $data] : [Op::DGRAM_SEND, $lid, $peer, $data, $local];
    }
}
