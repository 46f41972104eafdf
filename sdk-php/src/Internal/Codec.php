<?php

declare(strict_types=1);

namespace Gw\Internal;

/** Takes frames apart. What is sent the Packer packs, with or without the extension: by hand it is quicker. */
interface Codec
{
    /**
     * @param string $frame with its length in front
     *
     * @return list<list<mixed>> messages, at least [op] each
     *
     * @throws Violation
     */
    public function decode(string $frame): array;
}
