<?php

declare(strict_types=1);

use Gw\Connection;
use Gw\Gateway;
use Gw\Internal\Codec;
use Gw\Internal\Log;
use Gw\Internal\Op;
use Gw\Worker;

return static function (Suite $suite, Codec $codec): void {
    $hello = ['listeners' => [[1, 'front', 'http', '127.0.0.1:80'], [3, 'metrics', 'udp', '0.0.0.0:8125'], [4, 'dns', 'udp', '0.0.0.0:53']]];
    $datagram = static fn (string $data, string $local = ''): array => [Op::DGRAM, 3, '192.0.2.7:5000', $data, $local, 9];

    $suite->test('answers its sender', static function () use ($codec, $hello, $datagram): void {
        $worker = new Worker();
        $worker->onMessage = static function (Connection $c, string $data, bool $binary): void {
            Check::same([0, 'metrics', 'udp', '192.0.2.7:5000', '', null, true], [$c->id, $c->listener, $c->kind, $c->peer, $c->path, $c->request(), $binary]);
            $c->send("got $data");
            $c->close();
        };
        $frames = Conversation::run($worker, $codec, [[$datagram('a'), $datagram("\xff\0", '192.0.2.1')]], $hello);
        Check::same([[Op::DGRAM_SEND, 3, '192.0.2.7:5000', 'got a'], [Op::DGRAM_SEND, 3, '192.0.2.7:5000', "got \xff\0", '192.0.2.1'], [Op::ACK, 2]], $frames[0]);
        Check::same('', file_get_contents(Log::$target));
    });
    $suite->test('asks for datagrams with onMessage', static function () use ($codec): void {
        foreach ([true, false] as $wanted) {
            $worker = new Worker();
            $worker->onMessage = $wanted ? static fn () => null : null;
            $conversation = new Conversation($worker, $codec, []);
            $conversation->loop->run();
            Check::same($wanted, in_array('datagram', $conversation->frames()[0][0][2]['events'], true));
        }
    });
    $suite->test('has nothing that lasts', static function () use ($codec, $hello, $datagram): void {
        $worker = new Worker();
        $worker->onMessage = static function (Connection $c): void {
            foreach (['join', 'leave', 'bind'] as $method) {
                Check::throws(LogicException::class, static fn () => $c->$method('x'), 'no connection');
            }
            Check::throws(LengthException::class, static fn () => $c->send(str_repeat('x', 65508)), '65507');
            $c->session['name'] = 'Tom';
            $c->send('checked');
        };
        $frames = Conversation::run($worker, $codec, [[$datagram('a')]], $hello);
        Check::same([[Op::DGRAM_SEND, 3, '192.0.2.7:5000', 'checked'], [Op::ACK, 1]], $frames[0], file_get_contents(Log::$target));
        Check::contains('Session not saved: a datagram has none', file_get_contents(Log::$target));
    });
    $suite->test('lives on after an exception', static function () use ($codec, $hello, $datagram): void {
        $worker = new Worker();
        $worker->onMessage = static fn (Connection $c, string $data) => $data === 'bad' ? throw new RuntimeException('oops') : $c->send($data);
        $frames = Conversation::run($worker, $codec, [[$datagram('bad'), $datagram('good')]], $hello);
        Check::same([[Op::DGRAM_SEND, 3, '192.0.2.7:5000', 'good'], [Op::ACK, 2]], $frames[0]);
        Check::contains('oops', file_get_contents(Log::$target));
    });
    $suite->test('is pushed from anywhere', static function () use ($codec, $hello): void {
        $worker = new Worker();
        $worker->onRequest = static function (): string {
            Gateway::sendDatagram('192.0.2.7:5000', 'a');
            Gateway::sendDatagram('[::1]:9', 'b', listener: 'dns');

            return '';
        };
        $frames = Conversation::run($worker, $codec, [[Conversation::request(1)]], $hello);
        Check::same([[Op::DGRAM_SEND, 3, '192.0.2.7:5000', 'a'], [Op::DGRAM_SEND, 4, '[::1]:9', 'b']], array_slice($frames[0], 0, 2));
        $worker->onRequest = static function (): string {
            Check::throws(LogicException::class, static fn () => Gateway::sendDatagram('192.0.2.7:5000', 'a'), 'no udp listener');

            return '';
        };
        Conversation::run($worker, $codec, [[Conversation::request(1)]]);
        Check::same('', file_get_contents(Log::$target));
    });
};
