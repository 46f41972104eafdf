<?php

declare(strict_types=1);

namespace Gw\Internal;

/** msgpack without an extension. */
final class PureCodec implements Codec
{
    private Unpacker $unpacker;

    public function __construct()
    {
        $this->unpacker = new Unpacker();
    }

    public function decode(string $frame): array
    {
        return $this->unpacker->messages($frame, 4);
    }
}
