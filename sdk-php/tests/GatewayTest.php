<?php

declare(strict_types=1);

use Gw\Connection;
use Gw\Gateway;
use Gw\GatewayError;
use Gw\Internal\Codec;
use Gw\Internal\Log;
use Gw\Internal\Op;
use Gw\Request;
use Gw\Worker;

return static function (Suite $suite, Codec $codec): void {
    $during = static function (callable $body, array $steps = []) use ($codec): array {
        $worker = new Worker();
        $worker->onRequest = static function (Request $request) use ($body): string {
            return $request->id === 1 ? (string) $body() : "answer {$request->id}";
        };
        $frames = Conversation::run($worker, $codec, [[Conversation::request(1)], ...$steps]);
        Check::same('', file_get_contents(Log::$target));

        return array_merge(...$frames);
    };

    $suite->test('sends each kind of push', static function () use ($during): void {
        $messages = $during(static function (): void {
            Gateway::send(5, 'a');
            Gateway::send(5, "\xff", binary: true);
            Gateway::sendMany([5, 6], 'b');
            Gateway::close(5, 4001, 'bye');
            Gateway::broadcast('c');
            Gateway::broadcast('c', listener: 'lines', except: [7], binary: true);
            Gateway::publish('room', 'd', except: [5]);
            Gateway::sendToUid('u1', 'e');
            Gateway::join(5, 'room');
            Gateway::leave(5, 'room');
        });
        Check::same([
            [Op::SEND, 5, 0, 'a'], [Op::SEND, 5, 1, "\xff"], [Op::SENDMANY, [5, 6], 0, 'b'], [Op::CLOSE, 5, 4001, 'bye'], [Op::BROADCAST, 0, 0, 'c', []], [Op::BROADCAST, 2, 1, 'c', [7]],
            [Op::PUBLISH, 'room', 0, 'd', [5]], [Op::SENDUID, 'u1', 0, 'e'], [Op::JOIN, 5, 'room'], [Op::LEAVE, 5, 'room'],
        ], array_slice($messages, 0, 10));
    });
    $suite->test('takes connections for ids', static function () use ($codec): void {
        $worker = new Worker();
        $worker->onMessage = static function (Connection $c): void {
            Gateway::publish('room', 'x', except: [$c]);
            Gateway::sendMany([$c], 'y');
            Check::throws(TypeError::class, static fn () => Gateway::sendMany(['5'], 'y'), 'got string');
        };
        [[$publish, $many]] = Conversation::run($worker, $codec, [[Conversation::open(5), [Op::MSG, 5, 0, '']]]);
        Check::same([[5], [5]], [$publish[4], $many[1]]);
    });
    $suite->test('sends to very many in several messages', static function () use ($during): void {
        $messages = array_filter($during(static fn () => Gateway::sendMany(range(1, 5000), 'x')), static fn (array $m): bool => $m[0] === Op::SENDMANY);
        Check::same(range(1, 5000), array_merge(...array_column($messages, 1)));
        Check::same(3, count($messages));
    });
    $suite->test('refuses bad groups and unknown listeners', static function () use ($during): void {
        $during(static function (): void {
            Check::throws(InvalidArgumentException::class, static fn () => Gateway::publish('', 'x'), '1 to 128');
            Check::throws(InvalidArgumentException::class, static fn () => Gateway::count("\xff"), 'UTF-8');
            Check::throws(InvalidArgumentException::class, static fn () => Gateway::broadcast('x', 'nowhere'), 'no listener named nowhere');
        });
    });

    $suite->test('asks, waits, and answers what came meanwhile afterwards', static function () use ($during): void {
        $messages = $during(static fn () => Gateway::count('room'), [
            [Conversation::request(2), [Op::PING, 3]],
            [[Op::REPLY, 99, true, 5]],
            [Conversation::request(4), [Op::REPLY, 1, true, 12], Conversation::request(5)],
        ]);
        Check::same([Op::CALL, 1, 'count', ['room']], $messages[0]);
        Check::same(['12', 'answer 2', 'answer 4', 'answer 5'], array_values(array_map(static fn (array $m): string => $m[4], array_filter($messages, static fn (array $m): bool => $m[0] === Op::RES))));
        Check::same(4, array_sum(array_map(static fn (array $m): int => $m[0] === Op::ACK ? $m[1] : 0, $messages)));
    });
    $suite->test('tells counts, presence and lists', static function () use ($during): void {
        $during(static function (): void {
            Check::same(7, Gateway::count());
            Check::same(true, Gateway::isOnline('u1'));
            Check::same([['id' => 5, 'uid' => 'u1', 'peer' => 'p', 'kind' => 'text']], Gateway::list());
        }, [[[Op::REPLY, 1, true, 7]], [[Op::REPLY, 2, true, true]], [[Op::REPLY, 3, true, [[5, 'u1', 'p', 'text', 'extra']]]]]);
    });
    $suite->test('throws what the gateway refuses', static function () use ($during): void {
        $during(static fn () => Check::throws(GatewayError::class, static fn () => Gateway::count(), 'count: unknown call'), [[[Op::REPLY, 1, false, 'unknown call']]]);
    });
};
