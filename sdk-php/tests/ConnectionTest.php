<?php

declare(strict_types=1);

use Gw\Connection;
use Gw\Internal\Codec;
use Gw\Internal\Log;
use Gw\Internal\Op;
use Gw\Internal\Session;
use Gw\Worker;

return static function (Suite $suite, Codec $codec): void {
    $suite->test('knows who and where it is', static function () use ($codec): void {
        $worker = new Worker();
        $worker->onConnect = static function (Connection $c): void {
            Check::same([5, 'front', 'websocket', '127.0.0.1:5', '/chat room', [], null], [$c->id, $c->listener, $c->kind, $c->peer, $c->path, $c->session, $c->uid]);
            Check::same(['x', 't', 'GET'], [$c->request()->host, $c->request()->query('token'), $c->request()->method]);
            Check::throws(LogicException::class, static fn () => $c->nonsense, 'no property');
            Check::throws(LogicException::class, static fn () => $c->path = '/other', 'cannot be written');
            Check::true(isset($c->path, $c->secure) && !isset($c->uid, $c->nonsense), 'isset tells properties from nonsense');
            $c->send('checked');
        };
        $frames = Conversation::run($worker, $codec, [[Conversation::open(5, 'token=t')]]);
        Check::same([[Op::SEND, 5, 0, 'checked'], [Op::ACK, 1]], $frames[0], file_get_contents(Log::$target));
    });
    $suite->test('knows whether its client came by TLS', static function () use ($codec): void {
        $worker = new Worker();
        $worker->onMessage = static fn (Connection $c) => $c->send($c->request()->scheme);
        $open = static fn (int $cid, int $flags): array => [...Conversation::open($cid), $flags, '', ''];
        $attach = static fn (int $cid, int $flags): array => [Op::ATTACH, ...\array_slice(Conversation::open($cid), 1), '', '', $flags];
        foreach ([[$open(5, 4), 'https'], [$open(5, 0), 'http'], [Conversation::open(5), 'http'], [$attach(5, 4), 'https'], [$attach(5, 0), 'http']] as [$introduction, $scheme]) {
            $frames = Conversation::run($worker, $codec, [[$introduction, [Op::MSG, 5, 0, 'x']]]);
            Check::same([Op::SEND, 5, 0, $scheme], $frames[0][0]);
        }
    });
    $suite->test('has no handshake where there was no HTTP', static function () use ($codec): void {
        $worker = new Worker();
        $worker->onConnect = static fn (Connection $c) => $c->send(var_export([$c->request(), $c->path, $c->listener], true));
        $frames = Conversation::run($worker, $codec, [[[Op::OPEN, 5, 2, 'p', 'text', '', '', '']]]);
        Check::same(var_export([null, '', 'lines'], true), $frames[0][0][3]);
    });
    $suite->test('knows whether its client speaks TLS, and which certificate it has', static function () use ($codec): void {
        $worker = new Worker();
        $worker->onConnect = $worker->onMessage = static fn (Connection $c) => $c->send(var_export([$c->secure, $c->header('X-Client-Cert-Subject'), $c->header('x-none', '-'), $c->request()?->scheme], true));
        $fields = "x-client-cert-subject: CN=alice\n";
        $frames = Conversation::run($worker, $codec, [[
            [Op::OPEN, 5, 2, 'p', 'text', '', '', $fields, 4, '', ''], [Op::ATTACH, 6, 1, 'p', 'websocket', '/', '', $fields, '', '', 4], [Op::MSG, 6, 0, 'x'],
            [Op::OPEN, 7, 2, 'p', 'text', '', '', '', 0, '', ''], [Op::OPEN, 8, 2, 'p', 'text', '', '', ''],
        ]]);
        $plain = var_export([false, null, '-', null], true);
        $sent = array_filter(array_merge(...$frames), static fn (array $m): bool => $m[0] === Op::SEND);
        Check::same(
            [var_export([true, 'CN=alice', '-', null], true), var_export([true, 'CN=alice', '-', 'https'], true), $plain, $plain],
            array_values(array_column($sent, 3)),
        );
    });
    $suite->test('calls back for messages, buffers and the close, in order', static function () use ($codec): void {
        $worker = new Worker();
        $calls = [];
        foreach (['onConnect', 'onMessage', 'onClose', 'onBufferFull', 'onBufferDrain'] as $name) {
            $worker->$name = static function (Connection $c, mixed ...$arguments) use (&$calls, $name): void {
                $calls[] = [$name, $c->id, ...$arguments];
            };
        }
        $frames = Conversation::run($worker, $codec, [[Conversation::open(5), [Op::MSG, 5, 0, 'text'], [Op::MSG, 5, 1, "\0"], [Op::BUF, 5, 1], [Op::BUF, 5, 0], [Op::CLOSED, 5, 1006, 'lost']]]);
        Check::same([['onConnect', 5], ['onMessage', 5, 'text', false], ['onMessage', 5, "\0", true], ['onBufferFull', 5], ['onBufferDrain', 5], ['onClose', 5, 1006, 'lost']], $calls);
        Check::same([[[Op::ACK, 6]]], $frames);
    });
    $suite->test('acknowledges events nobody wants', static function () use ($codec): void {
        Check::same([[[Op::ACK, 4]]], Conversation::run(new Worker(), $codec, [[Conversation::open(5), [Op::MSG, 5, 0, 'x'], [Op::BUF, 5, 1], [Op::CLOSED, 5, 1000, '']]]));
    });
    $suite->test('sends texts of every length, each as it is', static function () use ($codec): void {
        $worker = new Worker();
        $worker->onMessage = static fn (Connection $c, string $data, bool $binary) => $c->send($data, $binary);
        $messages = array_map(static fn (int $length): array => [Op::MSG, 5, $length & 1, str_repeat('x', $length)], [0, 31, 31, 32, 255, 256, 4096, 4097, 70000, 1]);
        $frames = Conversation::run($worker, $codec, [[Conversation::open(5), ...$messages]]);
        $sent = array_filter(array_merge(...$frames), static fn (array $m): bool => $m[0] === Op::SEND);
        Check::same(array_map(static fn (array $m): array => [Op::SEND, ...array_slice($m, 1)], $messages), array_values($sent));
    });
    $suite->test('sends, closes, joins, leaves and binds', static function () use ($codec): void {
        $worker = new Worker();
        $worker->onMessage = static function (Connection $c): void {
            $c->send('t');
            $c->send("\xff", binary: true);
            $c->join('room');
            $c->leave('room');
            $c->bind('u1');
            Check::same('u1', $c->uid);
            $c->bind('');
            Check::same(null, $c->uid);
            $c->close(4000, 'bye');
        };
        $frames = Conversation::run($worker, $codec, [[Conversation::open(5), [Op::MSG, 5, 0, 'x']]]);
        Check::same([[Op::SEND, 5, 0, 't'], [Op::SEND, 5, 1, "\xff"], [Op::JOIN, 5, 'room'], [Op::LEAVE, 5, 'room'], [Op::BIND, 5, 'u1'], [Op::BIND, 5, ''], [Op::CLOSE, 5, 4000, 'bye'], [Op::ACK, 2]], $frames[0]);
    });
    $suite->test('refuses names the gateway would not take', static function () use ($codec): void {
        $worker = new Worker();
        $refused = 0;
        $worker->onMessage = static function (Connection $c) use (&$refused): void {
            foreach ([static fn () => $c->join(''), static fn () => $c->join(str_repeat('x', 129)), static fn () => $c->leave("\xff"), static fn () => $c->bind("\xff"), static fn () => $c->close(1000, "\xff")] as $call) {
                Check::throws(InvalidArgumentException::class, $call);
                ++$refused;
            }
        };
        Conversation::run($worker, $codec, [[Conversation::open(5), [Op::MSG, 5, 0, 'x']]]);
        Check::same(5, $refused);
    });
    $suite->test('logs an exception with the connection and lives', static function () use ($codec): void {
        $worker = new Worker();
        $worker->onMessage = static fn (Connection $c, string $data) => $data === 'bad' ? throw new DomainException('bad message') : $c->send($data);
        $frames = Conversation::run($worker, $codec, [[Conversation::open(5), [Op::MSG, 5, 0, 'bad'], [Op::MSG, 5, 0, 'good']]]);
        Check::same([[Op::SEND, 5, 0, 'good'], [Op::ACK, 3]], $frames[0]);
        Check::contains('callback=onMessage connection=5', file_get_contents(Log::$target));
        Check::contains('DomainException: bad message', file_get_contents(Log::$target));
    });
    $suite->test('refuses a message longer than a frame, and goes on', static function () use ($codec): void {
        $worker = new Worker();
        $worker->onMessage = static fn (Connection $c, string $data) => $c->send(str_repeat('x', (int) $data));
        $frames = Conversation::run($worker, $codec, [[Conversation::open(5), [Op::MSG, 5, 0, '2000000'], [Op::MSG, 5, 0, '900000']]]);
        $sent = array_filter(array_merge(...$frames), static fn (array $m): bool => $m[0] === Op::SEND);
        Check::same([900000], array_values(array_map(static fn (array $m): int => strlen($m[3]), $sent)));
        Check::contains('does not fit into a frame', file_get_contents(Log::$target));
    });

    $counting = static function (): Worker {
        $worker = new Worker();
        $worker->onMessage = static function (Connection $c): void {
            $c->session['count'] = ($c->session['count'] ?? 0) + 1;
            $c->send((string) $c->session['count']);
        };

        return $worker;
    };
    $suite->test('saves a changed session behind the answer, in the same frame', static function () use ($codec, $counting): void {
        $frames = Conversation::run($counting(), $codec, [[Conversation::open(5), [Op::MSG, 5, 0, '']], [[Op::MSG, 5, 0, '']]]);
        Check::same([[Op::SEND, 5, 0, '1'], [Op::SESSION, 5, "\x81\xa5count\x01"], [Op::ACK, 2]], $frames[0]);
        Check::same([[Op::SEND, 5, 0, '2'], [Op::SESSION, 5, "\x81\xa5count\x02"], [Op::ACK, 1]], $frames[1]);
    });
    $suite->test('says nothing of an unchanged session', static function () use ($codec): void {
        $worker = new Worker();
        $worker->onMessage = static function (Connection $c): void {
            $c->session['same'] = 1;
        };
        $frames = Conversation::run($worker, $codec, [[Conversation::open(5), [Op::MSG, 5, 0, ''], [Op::MSG, 5, 0, '']]]);
        Check::same([Op::SESSION, Op::ACK], array_column($frames[0], 0));
    });
    $suite->test('comes back by ATTACH with session, uid and handshake, and is forgotten by DETACH', static function () use ($codec, $counting): void {
        $attach = [Op::ATTACH, 5, 1, 'p', 'websocket', '/c', 'q=1', "host: y\n", Session::encode(['count' => 41]), 'u1'];
        $worker = $counting();
        $count = $worker->onMessage;
        $worker->onMessage = static function (Connection $c) use ($count): void {
            Check::same(['u1', '/c', 'y', '1'], [$c->uid, $c->path, $c->request()->host, $c->request()->query('q')]);
            $count($c);
        };
        $conversation = new Conversation($worker, $codec, [[$attach, [Op::MSG, 5, 0, ''], [Op::DETACH, 5], [Op::MSG, 5, 0, '']]]);
        Check::throws(Gw\Internal\Violation::class, static fn () => $conversation->loop->run(), 'neither opened nor attached');
        Check::same([Op::SEND, 5, 0, '42'], $conversation->frames()[1][0]);
    });
    $suite->test('takes an ATTACH without headers', static function () use ($codec, $counting): void {
        $frames = Conversation::run($counting(), $codec, [[[Op::ATTACH, 5, 1, 'p', 'websocket', '/c', '', '', ''], [Op::MSG, 5, 0, '']]]);
        Check::same([Op::SEND, 5, 0, '1'], $frames[0][0]);
    });
    $suite->test('keeps every kind of session value', static function (): void {
        foreach ([[], ['a' => 1], ['list' => [1, 2.5, null, true, 'ä']], ['n' => ['n' => ['n' => []]]], [5 => 'five', 'x' => [7 => 'seven']], ['a', 'b']] as $session) {
            Check::same($session, Session::decode(Session::encode($session)));
        }
        Check::same("\x80", Session::encode([]));
        Check::same("\x81\xa10\xa1a", Session::encode(['a']));
        Check::same([], Session::decode(''));
    });
    $suite->test('refuses a session that cannot be kept, and falls back to the last', static function () use ($codec): void {
        $seen = [];
        $worker = new Worker();
        $worker->onMessage = static function (Connection $c, string $data) use (&$seen): void {
            $seen[] = count($c->session);
            $c->session['k'] = match ($data) {
                'long' => str_repeat('x', 16 << 10),
                'object' => new stdClass(),
                'deep' => [[[[[[[[[]]]]]]]]],
                default => 1,
            };
        };
        $frames = Conversation::run($worker, $codec, [[Conversation::open(5), ...array_map(static fn (string $data): array => [Op::MSG, 5, 0, $data], ['fine', 'long', 'object', 'deep', 'fine'])]]);
        Check::same([0, 1, 1, 1, 1], $seen);
        Check::same([Op::SESSION, Op::ACK], array_column($frames[0], 0));
        foreach (['at most 16384 bytes', 'cannot pack stdClass', 'nested deeper', 'connection=5'] as $text) {
            Check::contains($text, file_get_contents(Log::$target));
        }
    });
};
