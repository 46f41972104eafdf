<?php

declare(strict_types=1);

namespace Gw\Internal;

/** How an answer goes out that is more than a head and a body. */
final class Delivery
{
    /**
     * @param iterable<string>|null $chunks       of a streamed body
     * @param bool                  $headFirst    whether the head goes out before the first chunk is there
     * @param string|null           $path         of the file that the chunks are read from, if the gateway may send it instead
     * @param Subscription|null     $subscription an event stream that goes on without the worker
     */
    public function __construct(
        public readonly ?iterable $chunks = null,
        public readonly bool $headFirst = false,
        public readonly ?string $path = null,
        public readonly ?Subscription $subscription = null,
    ) {
    }
}
