<?php

declare(strict_types=1);

namespace Gw\Internal;

/**
 * ext-msgpack, one call a frame: a call allocates a 16 KiB stack, so a batch shares it. (Its streaming unpacker copies
 * the unread buffer twice a message and cannot tell "incomplete" from "garbage"; it is never used.)
 */
final class ExtensionCodec implements Codec
{
    /** Stands behind the payload: when it does not come out as the last value, the payload was not exactly one value. */
    private const END = 'gw-ipc/1';
    private const PACKED_END = "\xa8" . self::END;

    private PureCodec $strict;

    public function __construct()
    {
        // With php_only=1 an empty map becomes an stdClass and a map with a nil key instantiates a class of its choice.
        ini_set('msgpack.php_only', '0');
        $this->strict = new PureCodec();
    }

    public function decode(string $frame): array
    {
        // The four bytes of the length become the beginning of an array, [0, 0, 0, payload, END], in place: a copy of
        // the payload would cost more than all of this.
        $frame[0] = "\x95";
        $frame[1] = $frame[2] = $frame[3] = "\0";
        $frame .= self::PACKED_END;
        try {
            $values = @\msgpack_unpack($frame);
        } catch (\Throwable) {
            $values = false; // an application's error handler that throws in spite of the @
        }
        $messages = \is_array($values) ? $values[3] : null;
        if (!\is_array($messages) || $values[4] !== self::END) {
            throw new Violation('not one array of messages', \substr($frame, 4, -\strlen(self::PACKED_END)));
        }
        $ops = \array_column($messages, 0);
        // The extension lets ext types, nil keys and any depth pass. Work messages are flat and their fields are
        // checked where they are used; the others are rare enough to be read again by the strict decoder.
        if (\count($ops) !== \count($messages) || ($ops !== [] && \min($ops) < Op::REQ)) {
            return $this->strict->decode(\substr($frame, 0, -\strlen(self::PACKED_END)));
        }

        return $messages;
    }
}
