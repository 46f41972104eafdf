<?php

declare(strict_types=1);

namespace Gw\Internal;

/** What the connections have in common that came in alike. */
final class Origin
{
    /** Flag of OPEN and ATTACH. */
    public const TLS = 4;

    /** @param string|null $local of datagrams: the address they came to, or '' */
    public function __construct(
        public readonly Outbox $outbox,
        public readonly int $lid,
        public readonly string $listener,
        public readonly string $kind,
        public readonly bool $secure,
        public readonly ?string $local,
    ) {
    }
}
