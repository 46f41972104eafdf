<?php

declare(strict_types=1);

use Gw\Connection;
use Gw\Internal\Codec;
use Gw\Internal\Log;
use Gw\Internal\Op;
use Gw\Internal\Violation;
use Gw\Request;
use Gw\Response;
use Gw\Worker;

return static function (Suite $suite, Codec $codec): void {
    $worker = static function (callable $onRequest): Worker {
        $worker = new Worker();
        $worker->onRequest = $onRequest;

        return $worker;
    };
    $answer = static fn (callable $onRequest, array $hello = []): array => Conversation::run($worker($onRequest), $codec, [[Conversation::request(9)]], $hello)[0];

    $suite->test('announces itself and the events it has callbacks for', static function () use ($codec): void {
        $worker = new Worker();
        $conversation = new Conversation($worker, $codec, []);
        $conversation->loop->run();
        [[$ready]] = $conversation->frames();
        Check::same([Op::READY, 1, ['pid' => getmypid(), 'language' => 'php', 'language_version' => PHP_VERSION, 'sdk' => Worker::VERSION, 'concurrency' => 1, 'events' => []]], $ready);

        foreach (['onRequest' => 'request', 'onConnect' => 'connect', 'onMessage' => 'message', 'onClose' => 'close', 'onBufferFull' => 'buffer', 'onBufferDrain' => 'buffer'] as $callback => $event) {
            $worker = new Worker();
            $worker->$callback = 'strlen';
            $conversation = new Conversation($worker, $codec, []);
            $conversation->loop->run();
            Check::same($event === 'message' ? ['message', 'datagram'] : [$event], $conversation->frames()[0][0][2]['events']);
        }
    });
    $suite->test('refuses a callback that cannot be called', static function () use ($codec): void {
        $worker = new Worker();
        $worker->onMessage = 'no_such_function';
        Check::throws(TypeError::class, static fn () => Conversation::run($worker, $codec, []), '$onMessage must be callable');
    });
    $suite->test('wants HELLO first, in a version it speaks', static function () use ($codec): void {
        foreach ([[[Op::PING, 1]], [[Op::HELLO, 2, 3, []]], [[Op::HELLO, 1, 1]], []] as $first) {
            $loop = (new Worker())->loop(new ScriptedTransport([Conversation::frame($first)]), $codec);
            Check::throws(Violation::class, static fn () => $loop->run());
        }
    });

    $suite->test('answers a string as text or HTML', static function () use ($answer): void {
        Check::same([[Op::RES, 9, 200, ['content-type' => 'text/plain; charset=utf-8'], 'Hello'], [Op::ACK, 1]], $answer(static fn () => 'Hello'));
        Check::same(['content-type' => 'text/html; charset=utf-8'], $answer(static fn () => '<p>Hello')[0][3]);
        Check::same('', $answer(static fn () => '')[0][4]);
    });
    $suite->test('answers an array as JSON, null as 204, a Response as it is', static function () use ($answer): void {
        Check::same([Op::RES, 9, 200, ['content-type' => 'application/json'], '{"a":[]}'], $answer(static fn () => ['a' => []])[0]);
        Check::same([Op::RES, 9, 204, [], ''], $answer(static fn () => null)[0]);
        Check::same([Op::RES, 9, 418, ['x' => 'y', 'content-type' => 'text/plain; charset=utf-8'], 'tea'], $answer(static fn () => new Response(418, ['x' => 'y'], 'tea'))[0]);
    });
    $suite->test('answers 500 for what is no answer, and logs it', static function () use ($answer): void {
        foreach ([5, 1.5, true, new stdClass()] as $odd) {
            Check::same([500, "Internal Server Error\n"], [$answer(static fn () => $odd)[0][2], $answer(static fn () => $odd)[0][4]]);
        }
        Check::contains('onRequest returned stdClass', file_get_contents(Log::$target));
    });
    $suite->test('answers 500 for an exception, logs it with the request id, and lives', static function () use ($worker, $codec): void {
        $frames = Conversation::run($worker(static fn (Request $r) => $r->id === 1 ? throw new DomainException('out of order') : 'fine'), $codec, [[Conversation::request(1), Conversation::request(2)]]);
        Check::same([500, 200], [$frames[0][0][2], $frames[0][1][2]]);
        Check::same([Op::ACK, 2], $frames[0][2]);
        $log = file_get_contents(Log::$target);
        Check::contains('request=1', $log);
        Check::contains('DomainException: out of order', $log);
    });
    $suite->test('shows the traceback, escaped, in debug mode only', static function () use ($answer): void {
        $throw = static fn () => throw new Exception('<script>');
        [, , $status, $headers, $body] = $answer($throw, ['debug' => true])[0];
        Check::same([500, 'text/html; charset=utf-8'], [$status, $headers['content-type']]);
        Check::contains('Exception: &lt;script&gt; in ', $body);
        Check::true(!str_contains($body, '<script>'), 'nothing unescaped');
        Check::same("Internal Server Error\n", $answer($throw)[0][4]);
    });
    $suite->test('answers 404 without an onRequest', static function () use ($codec): void {
        [[$res, $ack]] = Conversation::run(new Worker(), $codec, [[Conversation::request(9)]]);
        Check::same([404, "The handler has no onRequest.\n", [Op::ACK, 1]], [$res[2], $res[4], $ack]);
    });

    $suite->test('answers what is read together in one frame, acknowledged behind', static function () use ($worker, $codec): void {
        $requests = array_map(static fn (int $i): array => Conversation::request($i), range(1, 64));
        $frames = Conversation::run($worker(static fn (Request $r) => (string) $r->id), $codec, [Conversation::frame(array_slice($requests, 0, 30)) . Conversation::frame(array_slice($requests, 30))]);
        Check::same([65], array_map(count(...), $frames));
        Check::same([Op::ACK, 64], $frames[0][64]);
    });
    $suite->test('splits answers at 32 KiB and 128 messages, each frame with its own ACK', static function () use ($worker, $codec): void {
        $requests = array_map(static fn (int $i): array => Conversation::request($i), range(1, 300));
        foreach ([10_000, 0, 100_000] as $length) {
            $frames = Conversation::run($worker(static fn () => str_repeat('x', $length)), $codec, [$requests]);
            foreach ($frames as $frame) {
                $bytes = array_sum(array_map(static fn (array $m): int => strlen($m[4] ?? ''), $frame));
                Check::true(count($frame) <= 128 && ($bytes <= 32 << 10 || count($frame) === 2), 'within bounds, or alone');
                Check::same([Op::ACK, count($frame) - 1], end($frame));
            }
            Check::same(300, array_sum(array_map(static fn (array $frame): int => end($frame)[1], $frames)));
        }
    });
    $suite->test('answers with whatever status, headers and length follow each other', static function () use ($worker, $codec): void {
        $kept = new Response(200, ['x-kept' => '1'], 'kept');
        $answers = [
            $kept, new Response(404, ['x-kept' => '1'], 'kept'), $kept, new Response(200, [['x-kept', '1']], 'kept'), 'text', '<b>', '', 'longer text',
            new Response(200, [], str_repeat('x', 5000)), new Response(503, ['X-A' => ['1', '2']], str_repeat('x', 300)), $kept,
        ];
        $requests = array_map(Conversation::request(...), array_keys($answers));
        $frames = Conversation::run($worker(static fn (Request $r) => $answers[$r->id]), $codec, [$requests]);
        $sent = array_values(array_filter(array_merge(...$frames), static fn (array $m): bool => $m[0] === Op::RES));
        $text = ['content-type' => 'text/plain; charset=utf-8'];
        Check::same([
            [Op::RES, 0, 200, ['x-kept' => '1'] + $text, 'kept'], [Op::RES, 1, 404, ['x-kept' => '1'] + $text, 'kept'], [Op::RES, 2, 200, ['x-kept' => '1'] + $text, 'kept'],
            [Op::RES, 3, 200, [['x-kept', '1'], ['content-type', $text['content-type']]], 'kept'], [Op::RES, 4, 200, $text, 'text'],
            [Op::RES, 5, 200, ['content-type' => 'text/html; charset=utf-8'], '<b>'], [Op::RES, 6, 200, $text, ''], [Op::RES, 7, 200, $text, 'longer text'],
            [Op::RES, 8, 200, $text, str_repeat('x', 5000)], [Op::RES, 9, 503, ['X-A' => ['1', '2']] + $text, str_repeat('x', 300)],
            [Op::RES, 10, 200, ['x-kept' => '1'] + $text, 'kept'],
        ], $sent);
    });
    $suite->test('does not keep a finished answer behind slow ones', static function () use ($worker, $codec): void {
        $frames = Conversation::run($worker(static function (): string {
            usleep(600);

            return '';
        }), $codec, [[Conversation::request(1), Conversation::request(2), Conversation::request(3)]]);
        Check::same([2, 2, 2], array_map(count(...), $frames));
    });
    $suite->test('takes input cut anywhere', static function () use ($worker, $codec): void {
        $bytes = Conversation::frame([Conversation::request(1), Conversation::request(2)]) . Conversation::frame([Conversation::request(3)]);
        for ($cut = 1; $cut < strlen($bytes); ++$cut) {
            $frames = Conversation::run($worker(static fn (Request $r) => (string) $r->id), $codec, [substr($bytes, 0, $cut), substr($bytes, $cut)]);
            $answered = array_filter(array_merge(...$frames), static fn (array $m): bool => $m[0] === Op::RES);
            Check::same([1, 2, 3], array_values(array_column($answered, 1)), "cut at $cut");
        }
    });

    $suite->test('answers PING', static function () use ($codec): void {
        Check::same([[[Op::PONG, 7]]], Conversation::run(new Worker(), $codec, [[[Op::PING, 7]]]));
    });
    $suite->test('ignores unknown ops from 0x80 and extra fields', static function () use ($codec): void {
        Check::same([[[Op::PONG, 7]]], Conversation::run(new Worker(), $codec, [[[0x80], [0xff, 'x', []], [Op::PING, 7, 'extra', ['more']]]]));
    });
    $violations = [
        'an unknown op' => [[0x7f, 1]], 'an op that is text' => [['x']], 'a message without its fields' => [[Op::REQ, 1]],
        'a request with a number for a body' => [[Op::REQ, 1, 0, 1, 'p', 'GET', '/', '', '', 5]], 'a negative id' => [[Op::BUF, -1, 1]],
        'an id beyond 2^53' => [[Op::BUF, 1 << 53, 1]], 'a message for an unknown connection' => [[Op::MSG, 5, 0, 'x']],
        'a message with a number for data' => [[Op::MSG, 5, 0, 5]], 'a close of an unknown connection' => [[Op::CLOSED, 5, 1000, '']],
    ];
    foreach ($violations as $name => $messages) {
        $suite->test("breaks off at $name, with finished answers written", static function () use ($worker, $codec, $messages): void {
            $conversation = new Conversation($worker(static fn () => 'done'), $codec, [[Conversation::request(1), ...$messages]]);
            Check::throws(Violation::class, static fn () => $conversation->loop->run());
            Check::same([Op::ACK, 1], $conversation->frames()[1][1]);
        });
    }

    $suite->test('drains: finishes, stops, says BYE and writes no more', static function () use ($worker, $codec): void {
        $calls = [];
        $w = $worker(static function () use (&$calls): string {
            $calls[] = 'request';

            return '';
        });
        $w->onStart = static function (Worker $given) use (&$calls, $w): void {
            Check::same($w, $given);
            $calls[] = 'start';
        };
        $w->onStop = static function () use (&$calls): void {
            $calls[] = 'stop';
        };
        $conversation = new Conversation($w, $codec, [[Conversation::request(1), [Op::DRAIN, 1000, 'reload']], [[Op::PING, 1]]]);
        $conversation->loop->run();
        $frames = $conversation->frames();
        Check::same(['start', 'request', 'stop'], $calls);
        Check::same([[Op::BYE, 'drain', 0]], end($frames));
        $conversation->loop->shutdown();
        Check::same(count($frames), count($conversation->transport->written));
    });
    $suite->test('says BYE though onStop throws', static function () use ($codec): void {
        $worker = new Worker();
        $worker->onStop = static fn () => throw new Exception('stop failed');
        Check::same([[[Op::BYE, 'drain', 0]]], Conversation::run($worker, $codec, [[[Op::DRAIN, 0, '']]]));
        Check::contains('stop failed', file_get_contents(Log::$target));
    });
    $suite->test('ends when the input ends, with a call of onStop', static function () use ($codec): void {
        $worker = new Worker();
        $stopped = 0;
        $worker->onStop = static function () use (&$stopped): void {
            ++$stopped;
        };
        Check::same([], Conversation::run($worker, $codec, []));
        Check::same(1, $stopped);
    });
    $suite->test('ends when nobody reads, even if a handler swallows the error', static function () use ($codec): void {
        $worker = new Worker();
        $conversation = null;
        $worker->onRequest = static function () use (&$conversation): string {
            $conversation->transport->broken = true;
            try {
                return (string) Gw\Gateway::count();
            } catch (Throwable) {
                return 'swallowed';
            }
        };
        $conversation = new Conversation($worker, $codec, [[Conversation::request(1)], [Conversation::request(2)]]);
        $conversation->loop->run();
        Check::same(1, count($conversation->transport->written));
    });
    $suite->test('fails to start when onStart throws', static function () use ($codec): void {
        $worker = new Worker();
        $worker->onStart = static fn () => throw new Exception('no database');
        $conversation = new Conversation($worker, $codec, []);
        Check::throws(Exception::class, static fn () => $conversation->loop->run(), 'no database');
        $conversation->loop->shutdown();
        Check::same([], $conversation->transport->written);
    });
    $suite->test('sends what onStart says behind READY', static function () use ($codec): void {
        $worker = new Worker();
        $worker->onStart = static function (): void {
            Gw\Gateway::broadcast('up');
            Check::throws(LogicException::class, static fn () => Gw\Gateway::count(), 'only after onStart');
        };
        $conversation = new Conversation($worker, $codec, []);
        $conversation->loop->run();
        Check::same([Op::READY, Op::BROADCAST], array_column($conversation->frames()[0], 0));
    });
};
