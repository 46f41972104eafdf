<?php

declare(strict_types=1);

use Gw\Accept;
use Gw\Internal\Codec;
use Gw\Internal\Log;
use Gw\Internal\Op;
use Gw\Request;
use Gw\Response;
use Gw\Worker;

return static function (Suite $suite, Codec $codec): void {
    $ask = static fn (int $sid, string $headers = "host: x\n"): array => Conversation::request($sid, path: '/chat', headers: $headers, flags: 16);
    $answers = static function (callable $onHandshake, array ...$messages) use ($codec): array {
        $worker = new Worker();
        $worker->onHandshake = $onHandshake;

        return array_values(array_filter(array_merge(...Conversation::run($worker, $codec, [$messages])), static fn (array $m): bool => $m[0] !== Op::ACK));
    };
    $suite->test('asks for handshakes only where there is an onHandshake', static function () use ($codec): void {
        foreach ([[null, []], [static fn () => true, ['handshake']]] as [$callback, $events]) {
            $worker = new Worker();
            $worker->onHandshake = $callback;
            $conversation = new Conversation($worker, $codec, []);
            $conversation->loop->run();
            Check::same($events, $conversation->frames()[0][0][2]['events']);
        }
    });
    $suite->test('accepts with true and null, and refuses with false and a Response', static function () use ($answers, $ask): void {
        Check::same([[Op::ACCEPT, 5, null, []]], $answers(static fn () => true, $ask(5)));
        Check::same([[Op::ACCEPT, 5, null, []]], $answers(static fn () => null, $ask(5)));
        Check::same([403, "Forbidden\n"], [($m = $answers(static fn () => false, $ask(5))[0])[2], $m[4]]);
        Check::same([Op::RES, 5, 401, ['www-authenticate' => 'Bearer'], ''], $answers(static fn () => new Response(401, ['www-authenticate' => 'Bearer']), $ask(5))[0]);
    });
    $suite->test('accepts with subprotocol, headers, session, user and groups', static function () use ($answers, $ask): void {
        $accept = static function (Request $request): Accept {
            Check::same(['/chat', ['b', 'a']], [$request->path, $request->subprotocols()]);

            return new Accept('a', ['Set-Cookie' => ['x=1', 'y=2']], ['n' => 1], 'tom', ['room', 'lobby']);
        };
        Check::same([[Op::ACCEPT, 5, 'a', ['Set-Cookie' => ['x=1', 'y=2']], "\x81\xa1n\x01", 'tom', ['room', 'lobby']]], $answers($accept, $ask(5, "sec-websocket-protocol: b ,a\n")));
        Check::same([[Op::ACCEPT, 5, '', [], '', '', []]], $answers(static fn () => new Accept(''), $ask(5)));
    });
    $suite->test('hands on what the acceptance gave with the connection', static function () use ($codec): void {
        $worker = new Worker();
        $worker->onHandshake = static fn () => true;
        $worker->onConnect = static fn (Gw\Connection $c) => $c->send("{$c->uid} {$c->session['n']} {$c->request()->scheme}");
        $frames = Conversation::run($worker, $codec, [[[...Conversation::open(5), 4, "\x81\xa1n\x01", 'tom']]]);
        Check::same([Op::SEND, 5, 0, 'tom 1 https'], $frames[0][0]);
    });
    $suite->test('answers 500 for an exception and for what is no answer, and lives', static function () use ($answers, $ask): void {
        $sent = $answers(static fn (Request $r) => $r->id === 5 ? throw new DomainException('no') : ($r->id === 6 ? 'hello' : true), $ask(5), $ask(6), $ask(7));
        Check::same([500, 500, Op::ACCEPT], [$sent[0][2], $sent[1][2], $sent[2][0]]);
        Check::contains('DomainException: no', file_get_contents(Log::$target));
        Check::contains('onHandshake returned string', file_get_contents(Log::$target));
    });
    $suite->test('refuses what the gateway would not take', static function (): void {
        Check::throws(InvalidArgumentException::class, static fn () => new Accept(headers: ["a\nb" => 'x']));
        Check::throws(InvalidArgumentException::class, static fn () => new Accept(groups: ['']));
        Check::throws(InvalidArgumentException::class, static fn () => new Accept(uid: "\xff"));
    });
};
