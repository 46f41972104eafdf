<?php

declare(strict_types=1);

use Gw\Connection;
use Gw\Event;
use Gw\Gateway;
use Gw\Internal\Codec;
use Gw\Internal\Op;
use Gw\Internal\Session;
use Gw\Response;
use Gw\Worker;

// Server-sent events: their text, sending them, and streams that need no worker.
return static function (Suite $suite, Codec $codec): void {
    $answer = static function (callable $onRequest) use ($codec): array {
        $worker = new Worker();
        $worker->onRequest = $onRequest;

        return Conversation::run($worker, $codec, [[Conversation::request(5)]])[0];
    };

    $suite->test('writes every field of an event', static function (): void {
        $event = new Event("a\nb\r\nc\rd", event: 'price', id: 7, retry: 1000, comment: "x\ny");
        Check::same(": x\n: y\nevent: price\nid: 7\nretry: 1000\ndata: a\ndata: b\ndata: c\ndata: d\n\n", $event->encode());
        Check::same("data: {\"a\":\"é\"}\n\n", (new Event(['a' => 'é']))->encode());
        Check::same("data: \n\n", (new Event(''))->encode());
    });
    $suite->test('lets no field forge another', static function (): void {
        foreach ([['event' => "a\nb"], ['id' => "a\rb"], ['id' => "a\0"], ['retry' => -1]] as $fields) {
            Check::throws(InvalidArgumentException::class, static fn () => new Event('x', ...$fields));
        }
        Check::throws(InvalidArgumentException::class, static fn () => new Event());
    });
    $suite->test('leaves an event stream without an iterable to the gateway', static function () use ($answer): void {
        Check::same([[Op::EVENTS, 5, 200, [], '', '', '', ['news']], [Op::ACK, 1]], $answer(static fn () => Response::events(join: 'news')));
        Check::same([Op::EVENTS, 5, 200, [], ''], $answer(static fn () => Response::events())[0]);
        $everything = static fn () => Response::events(headers: ['x-a' => '1'], join: ['a', 'b'], uid: 'u1', session: ['name' => 'Tom'], first: [new Event('missed', id: 7), 'too']);
        Check::same([Op::EVENTS, 5, 200, ['x-a' => '1'], "id: 7\ndata: missed\n\ndata: too\n\n", Session::encode(['name' => 'Tom']), 'u1', ['a', 'b']], $answer($everything)[0]);
    });
    $suite->test('answers 500 when such a stream cannot begin', static function () use ($answer): void {
        foreach ([static fn () => Response::events(join: [str_repeat('x', 129)]), static fn () => Response::events(['x'], join: ['a']), static fn () => Response::events(session: ['x' => new stdClass()])] as $onRequest) {
            Check::same([Op::RES, 5, 500], array_slice($answer($onRequest)[0], 0, 3));
        }
    });
    $suite->test('sends an event to any connection', static function () use ($answer): void {
        $messages = $answer(static function (): string {
            $event = new Event('x', id: 7);
            Gateway::publish('news', $event);
            Gateway::send(300, $event);
            Gateway::broadcast($event);
            Gateway::sendToUid('u1', $event);
            Gateway::sendMany([1, 2], $event);

            return 'pushed';
        });
        $block = "id: 7\ndata: x\n\n";
        Check::same([
            [Op::PUBLISH, 'news', 2, $block, []], [Op::SEND, 300, 2, $block], [Op::BROADCAST, 0, 2, $block, []], [Op::SENDUID, 'u1', 2, $block],
            [Op::SENDMANY, [1, 2], 2, $block],
        ], array_slice($messages, 0, 5));
    });
    $suite->test('tells of its end with the request it began with', static function () use ($codec): void {
        $seen = [];
        $worker = new Worker();
        $worker->onClose = static function (Connection $connection, int $code) use (&$seen): void {
            $seen = [$connection->kind, $connection->request()->header('Last-Event-ID'), $code];
            $connection->send(new Event('never arrives'));
        };
        Conversation::run($worker, $codec, [[
            [Op::ATTACH, 9, 1, '127.0.0.1:5', 'events', '/news', '', "last-event-id: 41\n", '', ''], [Op::CLOSED, 9, 1000, ''],
        ]]);
        Check::same(['events', '41', 1000], $seen);
    });
};
