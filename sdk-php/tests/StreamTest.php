<?php

declare(strict_types=1);

use Gw\Gateway;
use Gw\Internal\Codec;
use Gw\Internal\Log;
use Gw\Internal\Op;
use Gw\Request;
use Gw\Response;
use Gw\Worker;

return static function (Suite $suite, Codec $codec): void {
    $worker = static function (callable $onRequest): Worker {
        $worker = new Worker();
        $worker->onRequest = $onRequest;

        return $worker;
    };
    $run = static fn (callable $onRequest, array $steps, array $hello = []): array => Conversation::run($worker($onRequest), $codec, $steps, $hello);
    $body = static fn (array $messages): string => implode('', array_map(static fn (array $m): string => $m[0] === Op::RES_CHUNK ? $m[2] : '', $messages));

    $suite->test('sends each item when it is yielded', static function () use ($worker, $codec): void {
        $conversation = null;
        $seen = [];
        $items = static function () use (&$conversation, &$seen): Generator {
            yield 'one';
            $seen[] = count($conversation->transport->written);
            yield '';
            yield 'two';
            $seen[] = count($conversation->transport->written);
        };
        $conversation = new Conversation($worker(static fn () => Response::stream($items())), $codec, [[Conversation::request(9)]]);
        $conversation->loop->run();
        Check::same([2, 3], $seen);
        Check::same([
            [[Op::RES_START, 9, 200, ['content-type' => 'application/octet-stream'], ''], [Op::RES_CHUNK, 9, 'one']],
            [[Op::RES_CHUNK, 9, 'two']],
            [[Op::RES_END, 9, ''], [Op::ACK, 1]],
        ], array_slice($conversation->frames(), 1));
    });
    $suite->test('sends the head of events before the first of them', static function () use ($run): void {
        $frames = $run(static fn () => Response::events((static function (): Generator {
            Gateway::broadcast('from the generator');
            yield 'x';
        })()), [[Conversation::request(9)]]);
        Check::same([Op::RES_START, Op::BROADCAST, Op::RES_CHUNK], array_column($frames[0], 0));
        Check::same("data: x\n\n", $frames[0][2][2]);
    });
    $suite->test('streams arrays, and nothing', static function () use ($run, $body): void {
        Check::same('ab', $body(array_merge(...$run(static fn () => Response::stream(['a', 'b']), [[Conversation::request(9)]]))));
        Check::same([Op::RES_START, Op::RES_END, Op::ACK], array_column($run(static fn () => Response::stream([]), [[Conversation::request(9)]])[0], 0));
    });
    $suite->test('streams a long body with its length, cut into chunks', static function () use ($run, $body): void {
        $long = random_bytes((256 << 10) + 5);
        foreach ([static fn () => $long, static fn () => new Response(200, ['x' => 'y'], $long)] as $handler) {
            $messages = array_merge(...$run($handler, [[Conversation::request(9)], [[Op::CREDIT, 9, 32768]]]));
            Check::same('262149', $messages[0][3]['content-length']);
            Check::same(md5($long), md5($body($messages)));
            Check::same(32768, max(array_map(static fn (array $m): int => $m[0] === Op::RES_CHUNK ? strlen($m[2]) : 0, $messages)));
        }
        Check::same(Op::RES, $run(static fn () => str_repeat('x', 256 << 10), [[Conversation::request(9)]])[0][0][0]);
    });
    $suite->test('answers HEAD with the head alone', static function () use ($run): void {
        $started = false;
        $items = static function () use (&$started): Generator {
            yield $started = 'x';
        };
        $frames = $run(static fn () => Response::stream($items()), [[Conversation::request(9, 'HEAD')]]);
        Check::same([[Op::RES_START, Op::RES_END, Op::ACK], false], [array_column($frames[0], 0), $started]);
    });

    $suite->test('waits for credit and keeps other messages for later, in order', static function () use ($codec): void {
        $w = new Worker();
        $order = [];
        $w->onRequest = static function (Request $request) use (&$order): Response|string {
            $order[] = $request->id;

            return $request->id === 1 ? Response::stream(array_fill(0, 5, str_repeat('x', 100))) : "answer {$request->id}";
        };
        $conversation = new Conversation($w, $codec, [
            [Conversation::request(1), Conversation::request(2)], null, null,
            [Conversation::request(3), [Op::PING, 4]],
            [[Op::CREDIT, 99, 5000], [Op::ABORT, 99, 1]],
            static function () use (&$conversation): string {
                Check::same(200, array_sum(array_map(static fn (array $m): int => $m[0] === Op::RES_CHUNK ? strlen($m[2]) : 0, array_merge(...$conversation->frames()))));

                return Conversation::frame([[Op::CREDIT, 1, 100], Conversation::request(5)]);
            },
            null, [[Op::CREDIT, 1, 200]],
        ], ['stream_credit' => 200]);
        $conversation->loop->run();
        $messages = array_merge(...$conversation->frames());
        Check::same([1, 2, 3, 5], $order);
        Check::same(5, count(array_keys(array_column($messages, 0), Op::RES_CHUNK, true)));
        Check::same([[Op::PONG, 4]], array_values(array_filter($messages, static fn (array $m): bool => $m[0] === Op::PONG)));
        Check::same(4, array_sum(array_map(static fn (array $m): int => $m[0] === Op::ACK ? $m[1] : 0, $messages)));
    });

    $aborts = [
        'while it waits for credit' => static fn (array $abort): array => [[Conversation::request(1)], null, [$abort]],
        'between two items' => static fn (array $abort): array => [[Conversation::request(1)], [$abort]],
        'in the batch that brought the request' => static fn (array $abort): array => [[Conversation::request(1), $abort]],
        'in the frame behind it' => static fn (array $abort): array => [Conversation::frame([Conversation::request(1)]) . Conversation::frame([$abort])],
    ];
    foreach ($aborts as $when => $steps) {
        $suite->test("drops the generator when the client leaves $when", static function () use ($run, $steps): void {
            $finally = 0;
            $items = static function () use (&$finally): Generator {
                try {
                    while (true) {
                        yield str_repeat('x', 100);
                    }
                } finally {
                    ++$finally;
                }
            };
            $frames = $run(static fn (Request $r) => $r->id === 2 ? 'next' : Response::stream($items()), [...$steps([Op::ABORT, 1, 1]), [Conversation::request(2)]], ['stream_credit' => 100]);
            Check::same(1, $finally);
            $messages = array_merge(...$frames);
            Check::true(!in_array(Op::RES_END, array_column($messages, 0), true), 'no end is sent for an aborted answer');
            Check::same(2, array_sum(array_map(static fn (array $m): int => $m[0] === Op::ACK ? $m[1] : 0, $messages)));
            Check::same('next', array_values(array_filter($messages, static fn (array $m): bool => $m[0] === Op::RES))[0][4]);
        });
    }
    $suite->test('survives a finally that throws when its generator is dropped', static function () use ($run): void {
        $frames = $run(static fn () => Response::stream((static function (): Generator {
            try {
                while (true) {
                    yield 'x';
                }
            } finally {
                throw new Exception('in finally');
            }
        })()), [[Conversation::request(1)], [[Op::ABORT, 1, 1]], [[Op::PING, 3]]]);
        Check::same([Op::PONG, 3], array_merge(...$frames)[count(array_merge(...$frames)) - 1]);
        Check::contains('in finally', file_get_contents(Log::$target));
    });

    $suite->test('cuts the answer off when the generator throws in the middle', static function () use ($run): void {
        $frames = $run(static fn () => Response::stream((static function (): Generator {
            yield 'x';
            throw new Exception('half way');
        })()), [[Conversation::request(1)]]);
        Check::same([[Op::RES_END, 1, null], [Op::ACK, 1]], end($frames));
        Check::contains('half way', file_get_contents(Log::$target));
    });
    $suite->test('answers 500 when it throws before the first item', static function () use ($run): void {
        $frames = $run(static fn () => Response::stream((static function (): Generator {
            throw new Exception('too early');
            yield '';
        })()), [[Conversation::request(1)]]);
        Check::same([Op::RES, 1, 500], array_slice($frames[0][0], 0, 3));
    });
    $suite->test('cuts off at an item that is no text', static function () use ($run): void {
        $frames = $run(static fn () => Response::stream(['a', 5]), [[Conversation::request(1)]]);
        Check::same([Op::RES_END, 1, null], end($frames)[0]);
        Check::contains('consists of strings, got int', file_get_contents(Log::$target));
    });
};
