<?php

declare(strict_types=1);

use Gw\Internal\Codec;
use Gw\Internal\Op;
use Gw\Internal\Session;

// Real worker processes; this process is the gateway.
return static function (Suite $suite, Codec $codec): void {
    $request = static fn (int $sid, string $path = '/'): array => Conversation::request($sid, path: $path);

    $suite->test('serves until it is drained, then stops and exits 0', static function () use ($codec, $request): void {
        $child = Child::ready('says-when-it-stops', $codec);
        $child->send([$request(1), $request(2), [Op::DRAIN, 1000, 'reload']]);
        Check::same([0, 'stopped and returned'], [$child->exit(), $child->stdout()]);
        Check::same([[Op::RES, 1], [Op::RES, 2], [Op::ACK, 2], [Op::BYE, 'drain']], array_map(static fn (array $m): array => array_slice($m, 0, 2), with_one_ack($child->messages)));
    });
    $suite->test('exits when the gateway closes its pipe', static function () use ($codec): void {
        $child = Child::ready('says-when-it-stops', $codec);
        $child->closeInput();
        Check::same([0, 'stopped and returned', ''], [$child->exit(), $child->stdout(), $child->stderr()]);
    });
    $suite->test('exits when nobody reads its answers', static function () use ($codec, $request): void {
        foreach (['answers-requests', 'turns-warnings-into-exceptions'] as $fixture) {
            $child = Child::ready($fixture, $codec);
            $child->closeOutput();
            $child->send([$request(1)]);
            Check::same(0, $child->exit());
        }
    });
    $suite->test('takes frames cut at every byte boundary', static function () use ($codec, $request): void {
        $child = Child::ready('answers-requests', $codec);
        $frame = Conversation::frame([$request(7, '/cut')]);
        for ($cut = 1; $cut < strlen($frame); ++$cut) {
            $child->sendBytes(substr($frame, 0, $cut));
            usleep(200);
            $child->sendBytes(substr($frame, $cut));
            Check::same('GET /cut 0', $child->expect(Op::RES)[4]);
        }
    });
    $suite->test('takes a frame of 900 KiB', static function () use ($codec): void {
        $child = Child::ready('answers-requests', $codec);
        $child->send([Conversation::request(1, 'PUT', body: str_repeat('x', 900 << 10))]);
        Check::same('PUT / ' . (900 << 10), $child->expect(Op::RES)[4]);
    });
    $suite->test('exits 70 on garbage, and says what it read', static function () use ($codec, $request): void {
        foreach (['Hello World', "\0\0\0\4\x91\x94\x31\x0a", "\0\0\0\0"] as $garbage) {
            $child = Child::ready('answers-requests', $codec);
            $child->send([$request(1)]);
            $child->expect(Op::RES);
            $child->sendBytes($garbage);
            Check::same(70, $child->exit());
            Check::contains('gw: Protocol violated by the gateway: ', $child->stderr());
        }
    });
    $suite->test('exits 64 without gw and says how to start it', static function () use ($codec): void {
        $child = new Child('answers-requests', $codec, environment: []);
        Check::same(64, $child->exit());
        Check::contains('Start it with: gw start answers-requests.php', $child->stderr());
    });
    $suite->test('fails to start with the exception on stderr', static function () use ($codec): void {
        $child = new Child('fails-to-start', $codec);
        Check::same([255, []], [$child->exit(), $child->messages]);
        $stderr = $child->stderr();
        Check::same(1, substr_count($stderr, 'no database'), $stderr);
    });

    $suite->test('answers 500 for an exception, logs it once, and lives', static function () use ($codec, $request): void {
        $child = Child::ready('throws-exception', $codec);
        $child->send([$request(1, '/bad'), $request(2)]);
        Check::same([500, 200], [$child->expect(Op::RES)[2], $child->expect(Op::RES)[2]]);
        $child->closeInput();
        Check::same(0, $child->exit());
        $stderr = $child->stderr();
        Check::contains('gw: Request failed request=1 method=GET path=/bad', $stderr);
        Check::same(1, substr_count($stderr, 'thrown by the fixture'));
    });
    $deaths = [
        'exit()' => ['calls-exit', 3, 'exit() or a fatal error in a callback ends this worker request=2'], 'running out of memory' => ['exhausts-memory', 255, 'Allowed memory size'],
        'running out of time' => ['runs-out-of-time', 255, 'Maximum execution time'],
    ];
    foreach ($deaths as $name => [$fixture, $code, $log]) {
        $suite->test("answers what is finished, 500 and BYE on $name", static function () use ($codec, $request, $fixture, $code, $log): void {
            $child = Child::ready($fixture, $codec);
            $child->send([$request(1), $request(2, '/bad'), $request(3)]);
            Check::same($code, $child->exit());
            Check::same([[Op::RES, 1, 200], [Op::RES, 2, 500], [Op::ACK, 2], [Op::BYE, 'exit', 0]], array_map(static fn (array $m): array => array_slice($m, 0, 3), with_one_ack($child->messages)));
            Check::contains($log, $child->stderr());
        });
    }
    $suite->test('tells by BYE that a message had begun when exit() is called', static function () use ($codec): void {
        $child = Child::ready('calls-exit', $codec);
        $child->send([Conversation::open(5), [Op::MSG, 5, 0, 'x'], [Op::MSG, 5, 0, 'y']]);
        Check::same([0, 'killed'], [$child->exit(), $child->stdout()]);
        Check::same([[Op::SEND, 5, 0, 'last words'], [Op::ACK, 1], [Op::BYE, 'exit', 1]], with_one_ack($child->messages));
    });
    $suite->test('cuts a streamed answer off when exit() is called in it', static function () use ($codec, $request): void {
        $child = Child::ready('exits-in-stream', $codec);
        $child->send([$request(1)]);
        $child->exit();
        Check::same([Op::RES_START, Op::RES_CHUNK, Op::RES_END, Op::ACK, Op::BYE], array_column(with_one_ack($child->messages), 0));
    });
    $suite->test('keeps echo, print, var_dump and warnings off the protocol', static function () use ($codec, $request): void {
        $child = Child::ready('prints-and-warns', $codec);
        $child->send([$request(1)]);
        Check::same('clean', $child->expect(Op::RES)[4]);
        $child->closeInput();
        $child->exit();
        $stdout = $child->stdout();
        Check::contains('echoed printed ', $stdout);
        Check::contains('dumped', $stdout);
        Check::same(1, substr_count($stderr = $child->stderr(), 'a warning'), $stderr);
    });
    $suite->test('lives with an error handler that throws', static function () use ($codec, $request): void {
        $child = Child::ready('turns-warnings-into-exceptions', $codec);
        $child->send([$request(1)]);
        Check::same(500, $child->expect(Op::RES)[2]);
        $child->sendBytes("\0\0\0\4\x91\x94\x31\x0a");
        Check::same(70, $child->exit());
    });

    $suite->test('streams by credit, and drops the generator on ABORT', static function () use ($codec, $request): void {
        $child = Child::ready('streams-forever', $codec, ['stream_credit' => 100_000]);
        $child->send([$request(1, '/stream'), $request(2)]);
        for ($i = 0; $i < 5; ++$i) {
            Check::same(20_000, strlen($child->expect(Op::RES_CHUNK)[2]));
        }
        $child->send([[Op::PING, 1]]); // answered while it waits
        $child->expect(Op::PONG);
        Check::true(!in_array(Op::RES_CHUNK, array_column($child->messages, 0), true), 'nothing beyond the credit');
        $child->send([[Op::CREDIT, 1, 20_000]]);
        $child->expect(Op::RES_CHUNK);
        $child->send([[Op::ABORT, 1, 1]]);
        Check::same('finally', $child->expect(Op::BROADCAST)[3]);
        Check::same('not a stream', $child->expect(Op::RES)[4]);
    });
    $suite->test('runs timers while idle and between requests', static function () use ($codec, $request): void {
        $child = Child::ready('ticks', $codec);
        Check::same('tick 1', $child->expect(Op::BROADCAST)[3]);
        Check::same('tick 2', $child->expect(Op::BROADCAST)[3]);
        $child->send([$request(1)]);
        $child->expect(Op::RES);
        Check::same('tick 3', $child->expect(Op::BROADCAST)[3]);
        $child->closeInput();
        Check::same(0, $child->exit());
    });
    $suite->test('hands a session from worker to worker', static function () use ($codec): void {
        $first = Child::ready('counts-in-session', $codec);
        $first->send([Conversation::open(5), [Op::MSG, 5, 0, ''], [Op::MSG, 5, 0, '']]);
        $first->expect(Op::SESSION);
        $session = $first->expect(Op::SESSION)[2];
        Check::same(['count' => 2], Session::decode($session));
        $second = Child::ready('counts-in-session', $codec);
        $second->send([[Op::ATTACH, 5, 1, 'p', 'websocket', '/', '', '', $session, ''], [Op::MSG, 5, 0, '']]);
        Check::same('3', $second->expect(Op::SEND)[3]);
    });
    $suite->test('echoes text and binary messages, also long ones', static function () use ($codec): void {
        $child = Child::ready('echoes-messages', $codec);
        $child->send([Conversation::open(5), [Op::MSG, 5, 0, 'text'], [Op::MSG, 5, 1, "\0\xff"]]);
        Check::same([[Op::SEND, 5, 0, 'text'], [Op::SEND, 5, 1, "\0\xff"]], [$child->expect(Op::SEND), $child->expect(Op::SEND)]);
        $child->send([[Op::MSG, 5, 1, $long = random_bytes(500_000)]]);
        Check::same(md5($long), md5($child->expect(Op::SEND)[3]));
    });

    if (!extension_loaded('pcntl') || !extension_loaded('posix')) {
        return;
    }
    $suite->test('writes nothing from a forked child that exits', static function () use ($codec, $request): void {
        $child = Child::ready('forks', $codec);
        $child->send([$request(1)]);
        Check::same('parent', $child->expect(Op::RES)[4]);
        $child->send([[Op::DRAIN, 0, '']]);
        Check::same(0, $child->exit());
        Check::same([[Op::ACK, 1], [Op::BYE, 'drain', 0]], $child->messages);
    });
    $suite->test('goes on after interrupted reads, waits and writes', static function () use ($codec, $request): void {
        $child = Child::ready('interrupted-by-signals', $codec);
        for ($round = 0; $round < 20; ++$round) {
            posix_kill($child->pid, SIGUSR2);
            usleep(1000);
            $child->send([...array_map($request, range(1, 100))]);
            usleep(1000); // its pipe is full: 100 KiB
            posix_kill($child->pid, SIGUSR2);
            for ($i = 1; $i <= 100; ++$i) {
                Check::same($i, $child->expect(Op::RES)[1]);
            }
        }
    });
};

/** @param list<array<mixed>> $messages @return list<array<mixed>> without how many frames they took */
function with_one_ack(array $messages): array
{
    $done = 0;
    $others = [];
    foreach ($messages as $message) {
        if ($message[0] === Op::ACK) {
            $done += $message[1];
        } else {
            $others[] = $message;
        }
    }
    array_splice($others, -1, 0, [[Op::ACK, $done]]);

    return $others;
}
