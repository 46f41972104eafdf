<?php

declare(strict_types=1);

namespace Gw;

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
 * @property-read ?string $uid the user id it is bound to
 */
final class Connection
{
    /** Flag of OPEN. */
    private const TLS = 4;

    public readonly int $id;

    /** Name of the listener it came in by. */
    public readonly string $listener;

    /** websocket, text, frame, tcp or events */
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
     */
    public function __construct(
        private readonly Outbox $outbox,
        private readonly array $message,
        array $listener,
        public array $session,
        private string $boundTo,
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
        $this->outbox->add([Op::SEND, $this->id, $flags, $data], \strlen($data) + 16);
    }

    /** Closes it when everything sent so far has gone out. */
    public function close(int $code = 1000, string $reason = ''): void
    {
        $this->outbox->add([Op::CLOSE, $this->id, $code, Name::text($reason, 'reason')], \strlen($reason) + 32);
    }

    public function join(string $group): void
    {
        $this->outbox->add([Op::JOIN, $this->id, Name::group($group)], 160);
    }

    public function leave(string $group): void
    {
        $this->outbox->add([Op::LEAVE, $this->id, Name::group($group)], 160);
    }

    /** Binds it to a user id, for Gateway::sendToUid(); an empty one unbinds. */
    public function bind(string $uid): void
    {
        $this->outbox->add([Op::BIND, $this->id, Name::text($uid, 'uid')], \strlen($uid) + 32);
        $this->boundTo = $uid;
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
