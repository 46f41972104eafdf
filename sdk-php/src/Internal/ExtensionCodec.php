<?php

declare(strict_types=1);

namespace Gw\Internal;

/**
 * ext-msgpack, one call a frame: a call allocates a 16 KiB stack, so a batch shares it. (Its streaming unpacker copies
 * the unread buffer twice a message and cannot tell "incomplete" from "garbage"; it is never used.)
 */
final class ExtensionCodec implements Codec
{
    /** Packed behind the payload: when it does not come out as the second value, the payload was not exactly one value. */
    private const END = 'gw-ipc/1';
    private const PACKED_END = "\xa8" . self::END;

    private PureCodec $strict;

    public function __construct()
    {
        // With php_only=1 an empty map becomes an stdClass and a map with a nil key instantiates a class of its choice.
        ini_set('msgpack.php_only', '0');
        $this->strict = new PureCodec();
    }

    public function decode(string $payload): array
    {
        try {
            $pair = @\msgpack_unpack("\x92" . $payload . self::PACKED_END);
        } catch (\Throwable) {
            $pair = false; // an application's error handler that throws in spite of the @
        }
        $messages = \is_array($pair) ? $pair[0] : null;
        if (!\is_array($messages) || $pair[1] !== self::END) {
            throw new Violation('not one array of messages', $payload);
        }
        $ops = \array_column($messages, 0);
        // The extension lets ext types, nil keys and any depth pass. Work messages are flat and their fields are
        // checked where they are used; the others are rare enough to be read again by the strict decoder.
        if (\count($ops) !== \count($messages) || ($ops !== [] && \min($ops) < Op::REQ)) {
            return $this->strict->decode($payload);
        }

        return $messages;
    }

    public function encode(array $messages): string
    {
        return \msgpack_pack($messages);
    }
}
