<?php

declare(strict_types=1);

namespace Gw\Internal;

use Gw\Connection;
use Gw\Worker;

/** The connections this worker has been told of, and their callbacks. */
final class Connections
{
    /** @var array<int, Connection> */
    private array $known = [];

    /** @var array<int, array<mixed>> the sessions as the gateway has them, but for empty ones */
    private array $sessions = [];

    /** @var array<string, Origin> what many connections have in common, by what that is */
    private array $origins = [];

    private readonly \Closure $onMessage;
    private readonly ?\Closure $onConnect;
    private readonly ?\Closure $onClose;
    private readonly ?\Closure $onBufferFull;
    private readonly ?\Closure $onBufferDrain;

    public function __construct(Worker $worker, private readonly Hello $hello, private readonly Outbox $outbox)
    {
        $this->onMessage = $worker->callback('onMessage') ?? static function (): void {};
        $this->onConnect = $worker->callback('onConnect');
        $this->onClose = $worker->callback('onClose');
        $this->onBufferFull = $worker->callback('onBufferFull');
        $this->onBufferDrain = $worker->callback('onBufferDrain');
    }

    /** @param list<mixed> $m MSG */
    public function message(array $m): void
    {
        if (!isset($m[3]) || !\is_int($m[1]) || !\is_int($m[2]) || !\is_string($m[3])) {
            Shape::check($m);
        }
        $connection = $this->known[$m[1]] ?? self::unknown($m);
        try {
            ($this->onMessage)($connection, $m[3], ($m[2] & 1) === 1);
        } catch (\Throwable $thrown) {
            self::failed('onMessage', $m[1], $thrown);
        }
        if ($connection->session !== ($this->sessions[$m[1]] ?? [])) {
            $this->save($connection);
        }
    }

    /** @param list<mixed> $m DGRAM: a message of a connection that lasts as long as its callback */
    public function datagram(array $m): void
    {
        if (!isset($m[5]) || !\is_int($m[1]) || !\is_string($m[2]) || !\is_string($m[3]) || !\is_string($m[4])) {
            Shape::check($m);
        }
        [, $lid, $peer, $data, $local] = $m;
        $connection = new Connection($this->origin($lid, 'udp', 0, $local), 0, $peer);
        try {
            ($this->onMessage)($connection, $data, true);
        } catch (\Throwable $thrown) {
            self::failed('onMessage', 0, $thrown);
        }
        if ($connection->session !== []) {
            Log::write('Session not saved: a datagram has none', ['listener' => $connection->listener]);
        }
    }

    /** @param list<mixed> $m OPEN, CLOSED or BUF */
    public function event(array $m): void
    {
        if ($m[0] === Op::OPEN) {
            $this->know($m, Session::decode($m[9] ?? ''), $m[10] ?? ''); // those that onHandshake gave
        }
        $connection = $this->known[$m[1]] ?? self::unknown($m);
        [$name, $callback, $arguments] = match ($m[0]) {
            Op::OPEN => ['onConnect', $this->onConnect, []],
            Op::CLOSED => ['onClose', $this->onClose, [$m[2], $m[3]]],
            Op::BUF => $m[2] === 1 ? ['onBufferFull', $this->onBufferFull, []] : ['onBufferDrain', $this->onBufferDrain, []],
        };
        try {
            $callback?->__invoke($connection, ...$arguments);
        } catch (\Throwable $thrown) {
            self::failed($name, $m[1], $thrown);
        }
        if ($m[0] === Op::CLOSED) {
            $this->detach($m[1]);
        } elseif ($connection->session !== ($this->sessions[$m[1]] ?? [])) {
            $this->save($connection);
        }
    }

    /** @param list<mixed> $m ATTACH; the headers of the handshake may stand before the session */
    public function attach(array $m): void
    {
        $headers = isset($m[9]) ? $m[7] : '';
        [$session, $uid] = \array_slice($m, isset($m[9]) ? 8 : 7, 2);
        \array_splice($m, 7, null, [$headers, $m[10] ?? 0]); // as OPEN has them
        $this->know($m, Session::decode($session), $uid);
    }

    /** @param list<mixed> $m @param array<mixed> $session */
    private function know(array $m, array $session, string $uid): void
    {
        [, $cid, $lid, $peer, $kind, $path, $query, $headers] = $m;
        $opening = $path === '' && $headers === '' ? '' : "$path?$query\n$headers";
        $this->known[$cid] = new Connection($this->origin($lid, $kind, $m[8] ?? 0), $cid, $peer, $opening, $session, $uid);
        $this->keep($cid, $session);
    }

    /** One object for all that came in alike: there may be very many connections. */
    private function origin(int $lid, string $kind, int $flags, ?string $local = null): Origin
    {
        return $this->origins["$lid $kind $flags $local"] ??= new Origin(
            $this->outbox, $lid, $this->hello->listeners[$lid][0] ?? '', $kind, ($flags & Origin::TLS) !== 0, $local,
        );
    }

    /** @param array<mixed> $session */
    private function keep(int $cid, array $session): void
    {
        if ($session === []) {
            unset($this->sessions[$cid]);
        } else {
            $this->sessions[$cid] = $session;
        }
    }

    public function detach(int $cid): void
    {
        unset($this->known[$cid], $this->sessions[$cid]);
    }

    /** Hands a changed session to the gateway; one that cannot be kept falls back to what the gateway has. */
    private function save(Connection $connection): void
    {
        try {
            $packed = Session::encode($connection->session);
            $this->outbox->add([Op::SESSION, $connection->id, $packed]);
            $this->keep($connection->id, $connection->session);
        } catch (\InvalidArgumentException | \LengthException $thrown) {
            $connection->session = $this->sessions[$connection->id] ?? [];
            Log::write('Session not saved', ['connection' => $connection->id], $thrown);
        }
    }

    /** @param list<mixed> $m */
    private static function unknown(array $m): never
    {
        throw new Violation(sprintf('op 0x%02x for connection %d, which was neither opened nor attached', $m[0], $m[1]));
    }

    private static function failed(string $callback, int $cid, \Throwable $thrown): void
    {
        if ($thrown instanceof GatewayGone || $thrown instanceof Violation) {
            throw $thrown;
        }
        Log::write('Callback failed', ['callback' => $callback, 'connection' => $cid], $thrown);
    }
}
