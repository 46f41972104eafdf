<?php

declare(strict_types=1);

namespace Gw;

use Gw\Internal\Name;
use Gw\Internal\ResponseHeaders;

/**
 * Lets a WebSocket in, with what its connection has from the beginning.
 *
 *     $worker->onHandshake = fn (Gw\Request $request) => new Gw\Accept(subprotocol: 'chat.v2', uid: $user->id, groups: ['lobby']);
 */
final class Accept
{
    /** @var array<mixed> */
    public readonly array $headers;

    /**
     * @param string|null  $subprotocol one that the client offers; '' for none; null lets gw choose by its configuration
     * @param array<mixed> $headers     of the answer, as those of a Response
     * @param array<mixed> $session     as Connection::$session
     * @param list<string> $groups
     */
    public function __construct(
        public readonly ?string $subprotocol = null,
        array $headers = [],
        public readonly array $session = [],
        public readonly string $uid = '',
        public readonly array $groups = [],
    ) {
        $this->headers = $headers === [] ? [] : ResponseHeaders::clean($headers);
        Name::text($uid, 'uid');
        Name::text($subprotocol ?? '', 'subprotocol');
        array_map(Name::group(...), $groups);
    }
}
