<?php

declare(strict_types=1);

namespace Gw;

use Gw\Internal\Datagram;
use Gw\Internal\Hello;
use Gw\Internal\Link;
use Gw\Internal\Name;
use Gw\Internal\Op;
use Gw\Internal\Outbox;

/**
 * Push from anywhere in a handler: to connections of any worker, by id, group or user id.
 *
 * Sending does not wait; messages to connections that are gone are dropped by the gateway. Questions (isOnline, count,
 * list) wait for the answer.
 */
final class Gateway
{
    /** So many ids and a payload share a message; more are sent in several. */
    private const IDS = 2000;

    private static ?Link $link = null;
    private static Hello $hello;

    public static function send(int $id, string|Event $data, bool $binary = false): void
    {
        [$flags, $data] = self::payload($data, $binary);
        self::link()->outbox->send(Outbox::address($id), $flags, $data);
    }

    /** @param iterable<int|Connection> $ids */
    public static function sendMany(iterable $ids, string|Event $data, bool $binary = false): void
    {
        [$flags, $data] = self::payload($data, $binary);
        foreach (array_chunk(self::ids($ids), self::IDS) as $some) {
            self::add([Op::SENDMANY, $some, $flags, $data]);
        }
    }

    public static function close(int $id, int $code = 1000, string $reason = ''): void
    {
        self::add([Op::CLOSE, $id, $code, Name::text($reason, 'reason')]);
    }

    /**
     * To every connection, or to those of one listener.
     *
     * @param iterable<int|Connection> $except
     */
    public static function broadcast(string|Event $data, ?string $listener = null, iterable $except = [], bool $binary = false): void
    {
        $except = self::ids($except);
        [$flags, $data] = self::payload($data, $binary);
        $link = self::link();
        $lid = $listener === null ? 0 : self::$hello->lid($listener);
        $link->outbox->add([Op::BROADCAST, $lid, $flags, $data, $except]);
    }

    /** @param iterable<int|Connection> $except */
    public static function publish(string $group, string|Event $data, iterable $except = [], bool $binary = false): void
    {
        $except = self::ids($except);
        [$flags, $data] = self::payload($data, $binary);
        self::add([Op::PUBLISH, Name::group($group), $flags, $data, $except]);
    }

    /** To every connection bound to that user. */
    public static function sendToUid(string $uid, string|Event $data, bool $binary = false): void
    {
        [$flags, $data] = self::payload($data, $binary);
        self::add([Op::SENDUID, Name::text($uid, 'uid'), $flags, $data]);
    }

    /**
     * A datagram to an address such as 192.0.2.7:5000 or [2001:db8::7]:5000, from a udp listener: the named one, or the
     * first there is.
     */
    public static function sendDatagram(string $peer, string $data, ?string $listener = null): void
    {
        $link = self::link();
        $lid = $listener === null ? self::$hello->firstOf('udp') : self::$hello->lid($listener);
        $link->outbox->add(Datagram::message($lid, Name::text($peer, 'peer'), $data));
    }

    public static function join(int $id, string $group): void
    {
        self::add([Op::JOIN, $id, Name::group($group)]);
    }

    public static function leave(int $id, string $group): void
    {
        self::add([Op::LEAVE, $id, Name::group($group)]);
    }

    /** Whether a connection is bound to that user. */
    public static function isOnline(string $uid): bool
    {
        return self::link()->call('is_online', Name::text($uid, 'uid'));
    }

    /** Connections in a group, or in all. */
    public static function count(?string $group = null): int
    {
        return $group === null ? self::link()->call('count') : self::link()->call('count', Name::group($group));
    }

    /** @return list<array{id: int, uid: string, peer: string, kind: string}> */
    public static function list(?string $group = null, int $limit = 1000): array
    {
        $rows = self::link()->call('list', $group === null ? '' : Name::group($group), $limit);

        return array_map(static fn (array $row): array => array_combine(['id', 'uid', 'peer', 'kind'], \array_slice($row, 0, 4)), $rows);
    }

    /** @internal called when the worker has heard from the gateway */
    public static function open(Link $link, Hello $hello): void
    {
        self::$link = $link;
        self::$hello = $hello;
    }

    private static function link(): Link
    {
        return self::$link ?? throw new \LogicException('Gw\Gateway works in a handler, after Gw\Worker::run() has begun');
    }

    /** @return array{int, string} flags and bytes */
    private static function payload(string|Event $data, bool $binary): array
    {
        return $data instanceof Event ? [Op::EVENT, $data->encode()] : [$binary ? 1 : 0, $data];
    }

    /** @param list<mixed> $message */
    private static function add(array $message): void
    {
        self::link()->outbox->add($message);
    }

    /**
     * @param iterable<int|Connection> $ids
     *
     * @return list<int>
     */
    private static function ids(iterable $ids): array
    {
        $list = [];
        foreach ($ids as $id) {
            $list[] = match (true) {
                \is_int($id) => $id,
                $id instanceof Connection => $id->id,
                default => throw new \TypeError('expected connections or their ids, got ' . get_debug_type($id)),
            };
        }

        return $list;
    }
}
