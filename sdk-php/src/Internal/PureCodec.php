<?php

declare(strict_types=1);

namespace Gw\Internal;

/** msgpack without an extension. */
final class PureCodec implements Codec
{
    private Unpacker $unpacker;
    private Packer $packer;

    public function __construct()
    {
        $this->unpacker = new Unpacker();
        $this->packer = new Packer();
    }

    public function decode(string $payload): array
    {
        return $this->unpacker->messages($payload);
    }

    public function encode(array $messages): string
    {
        return $this->packer->messages($messages);
    }
}
