<?php

declare(strict_types=1);

namespace Gw\Internal;

/** A frame's payload to messages and back. */
interface Codec
{
    /**
     * @return list<list<mixed>> at least [op] each
     *
     * @throws Violation
     */
    public function decode(string $payload): array;

    /** @param list<list<mixed>> $messages */
    public function encode(array $messages): string;
}
