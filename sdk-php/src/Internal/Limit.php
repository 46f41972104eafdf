<?php

declare(strict_types=1);

namespace Gw\Internal;

/** Limits of the protocol, in bytes unless said otherwise. */
final class Limit
{
    /** No frame reaches 2^26, so its first byte is at most 3 and stray text on the pipe is noticed at once. */
    public const FRAME_CAP = (1 << 26) - 1;

    /** A batch beyond 32 KiB outgrows the 64 KiB pipe and costs the reader a second wake-up (a third of the throughput). */
    public const BATCH_BYTES = 32 << 10;
    public const BATCH_MESSAGES = 128;

    public const BODY = 256 << 10;
    public const CHUNK = 32 << 10;
    public const SESSION = 16 << 10;
    public const NAME = 128;
    public const DEPTH = 8;
    public const INTEGER = (1 << 53) - 1;
}
