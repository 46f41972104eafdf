<?php

declare(strict_types=1);

namespace Gw;

use Gw\Internal\Datagram;
use Gw\Internal\HeaderBlock;
use Gw\Internal\Name;
use Gw\Internal\Op;
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
 * @property-read ?string $uid the user id it is bound to
 */
final class Connection
{
    /** Flag of OPEN. */
    private const TLS = 4;

    public readonly int $id;

    /** Name of the listener it came in by. */
    public readonly string $listener;

    /** websocket, text, frame, tcp, udp or events */
    public readonly string $kind;

    /** Address and port of the client. */
    public readonly string $peer;

    /** Path of the request it began with, percent-decoded; empty where there was no HTTP. */
    public readonly string $path;

    /** Whether the client speaks TLS. */
    public readonly bool $secure;

    private ?Request $request = null;

    /**
     * @internal
     *
     * @param list<mixed>              $message  OPEN
     * @param array{string, string}    $listener name and scheme
     * @param array<array-key, mixed>  $session
     * @param string|null              $local    of a datagram: the address it came to, or ''
     */
    public function __construct(
        private readonly Outbox $outbox,
        private readonly array $message,
        array $listener,
        public array $session,
        private string $boundTo,
        private readonly ?string $local = null,
    ) {
        [, $this->id, , $this->peer, $this->kind, $path] = $message;
        $this->listener = $listener[0];
        $this->path = rawurldecode($path);
        $this->secure = (($message[8] ?? 0) & self::TLS) !== 0;
    }

    /** A header of the handshake; without HTTP there are only those of the client's certificate. */
    public function header(string $name, ?string $default = null): ?string
    {
        return HeaderBlock::parse($this->message[7])[\strtolower($name)] ?? $default;
    }

    /** The request it began with: headers, query, cookies. Null where there was no HTTP. */
    public function request(): ?Request
    {
        if ($this->message[5] === '') {
            return null;
        }
        [, $id, $lid, $peer, , $path, $query, $headers] = $this->message;

        return $this->request ??= new Request([Op::REQ, $id, $this->secure ? self::TLS : 0, $lid, $peer, 'GET', $path, $query, $headers, '']);
    }

    public function send(string|Event $data, bool $binary = false): void
    {
        $flags = $binary ? 1 : 0;
        if ($data instanceof Event) {
            [$data, $flags] = [$data->encode(), Op::EVENT];
        }
        if ($this->local !== null) {
            $this->outbox->add(Datagram::message($this->message[2], $this->peer, $data, $this->local), \strlen($data) + 128);

            return;
        }
        $this->outbox->add([Op::SEND, $this->id, $flags, $data], \strlen($data) + 16);
    }

    /** Closes it when everything sent so far has gone out. A datagram has nothing to close. */
    public function close(int $code = 1000, string $reason = ''): void
    {
        if ($this->local !== null) {
            return;
        }
        $this->outbox->add([Op::CLOSE, $this->id, $code, Name::text($reason, 'reason')], \strlen($reason) + 32);
    }

    public function join(string $group): void
    {
        $this->lasts('join');
        $this->outbox->add([Op::JOIN, $this->id, Name::group($group)], 160);
    }

    public function leave(string $group): void
    {
        $this->lasts('leave');
        $this->outbox->add([Op::LEAVE, $this->id, Name::group($group)], 160);
    }

    /** Binds it to a user id, for Gateway::sendToUid(); an empty one unbinds. */
    public function bind(string $uid): void
    {
        $this->lasts('bind');
        $this->outbox->add([Op::BIND, $this->id, Name::text($uid, 'uid')], \strlen($uid) + 32);
        $this->boundTo = $uid;
    }

    private function lasts(string $method): void
    {
        $this->local === null || throw new \LogicException("$method() on a datagram: there is no connection");
    }

    public function __get(string $name): ?string
    {
        return match ($name) {
            'uid' => $this->boundTo === '' ? null : $this->boundTo,
            default => throw new \LogicException("Gw\\Connection has no property \$$name"),
        };
    }

    public function __isset(string $name): bool
    {
        return $name === 'uid' && $this->boundTo !== '';
    }
}
