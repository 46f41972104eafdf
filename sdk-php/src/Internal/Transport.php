<?php

declare(strict_types=1);

namespace Gw\Internal;

/** Bytes to and from the gateway: two pipes, or a script in a test. */
interface Transport
{
    /**
     * Waits for bytes and returns up to 64 KiB of them.
     *
     * @throws GatewayGone at the end of the input
     */
    public function read(): string;

    /**
     * Writes all of $bytes.
     *
     * @throws GatewayGone when nobody reads any more
     */
    public function write(string $bytes): void;

    /** Whether read() would return at once, after waiting for at most $seconds. */
    public function readable(float $seconds): bool;
}
