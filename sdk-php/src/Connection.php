<?php

declare(strict_types=1);

namespace Gw;

use Gw\Internal\Datagram;
use Gw\Internal\HeaderBlock;
use Gw\Internal\Name;
use Gw\Internal\Op;
use Gw\Internal\Origin;
use Gw\Internal\Outbox;

/**
 * A client's connection. The socket lives in the gateway; this object lives as long as this worker serves it.
 *
 * `$session` is kept by the gateway: what a callback of this connection writes into it is there in its next callback,
 * in whichever worker that runs. Scalars, null and arrays of them, 16 KiB packed.
 *
 * The connection of a datagram (kind udp) lives for one callback: it has no id, no session and no groups; send() answers
 * the sender.
 *
 * @property-read string  $listener name of the listener it came in by
 * @property-read string  $kind     websocket, text, frame, tcp, udp or events
 * @property-read string  $path     of the request it began with, percent-decoded; empty where there was no HTTP
 * @property-read bool    $secure   whether the client speaks TLS
 * @property-read ?string $uid      the user id it is bound to
 */
final class Connection
{
    private const PROPERTIES = ['listener', 'kind', 'path', 'secure', 'uid'];

    private ?Request $request = null;
    private ?string $address = null;

    /**
     * @internal
     *
     * There may be a hundred thousand of these: what several have in common is in $origin, and what began it is one text.
     *
     * @param string                  $peer    address and port of the client
     * @param string                  $opening target of the handshake, a line feed, the block of its headers; or empty
     * @param array<array-key, mixed> $session
     */
    public function __construct(
        private readonly Origin $origin,
        public readonly int $id,
        public readonly string $peer,
        private readonly string $opening = '',
        public array $session = [],
        private string $boundTo = '',
    ) {
    }

    /** A header of the handshake; without HTTP there are only those of the client's certificate. */
    public function header(string $name, ?string $default = null): ?string
    {
        return HeaderBlock::find($this->opening()[2], $name) ?? $default;
    }

    /** The request it began with: headers, query, cookies. Null where there was no HTTP. */
    public function request(): ?Request
    {
        [$path, $query, $headers] = $this->opening();
        if ($path === '') {
            return null;
        }
        $flags = $this->origin->secure ? Origin::TLS : 0;

        return $this->request ??= new Request([Op::REQ, $this->id, $flags, $this->origin->lid, $this->peer, 'GET', $path, $query, $headers, '']);
    }

    /** @return array{string, string, string} path, query and headers */
    private function opening(): array
    {
        [$target, $headers] = explode("\n", $this->opening, 2) + ['', ''];

        return [...explode('?', $target, 2) + ['', ''], $headers];
    }

    public function send(string|Event $data, bool $binary = false): void
    {
        $origin = $this->origin;
        $flags = $binary ? 1 : 0;
        if ($data instanceof Event) {
            [$data, $flags] = [$data->encode(), Op::EVENT];
        }
        if ($origin->local === null) {
            $origin->outbox->send($this->address ??= Outbox::address($this->id), $flags, $data);
        } else {
            $origin->outbox->add(Datagram::message($origin->lid, $this->peer, $data, $origin->local));
        }
    }

    /** Closes it when everything sent so far has gone out. A datagram has nothing to close. */
    public function close(int $code = 1000, string $reason = ''): void
    {
        if ($this->origin->local !== null) {
            return;
        }
        $this->origin->outbox->add([Op::CLOSE, $this->id, $code, Name::text($reason, 'reason')]);
    }

    public function join(string $group): void
    {
        $this->lasts('join');
        $this->origin->outbox->add([Op::JOIN, $this->id, Name::group($group)]);
    }

    public function leave(string $group): void
    {
        $this->lasts('leave');
        $this->origin->outbox->add([Op::LEAVE, $this->id, Name::group($group)]);
    }

    /** Binds it to a user id, for Gateway::sendToUid(); an empty one unbinds. */
    public function bind(string $uid): void
    {
        $this->lasts('bind');
        $this->origin->outbox->add([Op::BIND, $this->id, Name::text($uid, 'uid')]);
        $this->boundTo = $uid;
    }

    private function lasts(string $method): void
    {
        $this->origin->local === null || throw new \LogicException("$method() on a datagram: there is no connection");
    }

    public function __get(string $name): bool|string|null
    {
        return match ($name) {
            'listener' => $this->origin->listener,
            'kind' => $this->origin->kind,
            'path' => \rawurldecode($this->opening()[0]),
            'secure' => $this->origin->secure,
            'uid' => $this->boundTo === '' ? null : $this->boundTo,
            default => throw new \LogicException("Gw\\Connection has no property \$$name"),
        };
    }

    public function __isset(string $name): bool
    {
        return \in_array($name, self::PROPERTIES, true) && $this->__get($name) !== null;
    }

    public function __set(string $name, mixed $value): void
    {
        if (\in_array($name, self::PROPERTIES, true)) {
            throw new \LogicException("Gw\\Connection::\$$name cannot be written");
        }
        $this->$name = $value; // PHP has its own opinion on that
    }
}
