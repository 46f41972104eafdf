<?php

declare(strict_types=1);

use Gw\Internal\Codec;
use Gw\Internal\Log;
use Gw\Internal\Op;
use Gw\Worker;

return static function (Suite $suite, Codec $codec): void {
    $suite->test('calls back in its rhythm while nothing comes in, and writes at once', static function () use ($codec): void {
        $worker = new Worker();
        $worker->every(0.002, static fn () => Gw\Gateway::broadcast('tick'));
        $frames = Conversation::run($worker, $codec, [null, null, null, [[Op::PING, 1]]]);
        $ticks = count(array_keys(array_column(array_merge(...$frames), 0), Op::BROADCAST, true));
        Check::true($ticks >= 2 && $ticks <= 4, "a tick a pause, not $ticks");
        Check::same([Op::BROADCAST], array_column($frames[0], 0));
    });
    $suite->test('calls back between batches of a busy worker', static function () use ($codec): void {
        $worker = new Worker();
        $ticks = 0;
        $worker->every(0.001, static function () use (&$ticks): void {
            ++$ticks;
        });
        $worker->onRequest = static function (): string {
            usleep(2000);

            return '';
        };
        Conversation::run($worker, $codec, array_map(static fn (int $i): array => [Conversation::request($i)], range(1, 5)));
        Check::true($ticks >= 3 && $ticks <= 6, "missed calls are not made up for: $ticks");
    });
    $suite->test('can be made and cancelled in callbacks', static function () use ($codec): void {
        $worker = new Worker();
        $calls = 0;
        $worker->onStart = static function (Worker $worker) use (&$calls): void {
            $timer = $worker->every(0.0005, static function () use (&$timer, &$calls): void {
                ++$calls;
                $timer->cancel();
            });
        };
        Conversation::run($worker, $codec, [null, null, null, null]);
        Check::same(1, $calls);
    });
    $suite->test('lives on after an exception', static function () use ($codec): void {
        $worker = new Worker();
        $calls = 0;
        $worker->every(0.0005, static function () use (&$calls): void {
            ++$calls;
            throw new Exception('tick failed');
        });
        Conversation::run($worker, $codec, [null, null, null]);
        Check::true($calls >= 2, 'called again');
        Check::contains('tick failed', file_get_contents(Log::$target));
    });
    $suite->test('may ask the gateway', static function () use ($codec): void {
        $worker = new Worker();
        $timer = $worker->every(0.0005, static function () use (&$timer): void {
            Gw\Gateway::broadcast((string) Gw\Gateway::count());
            $timer->cancel();
        });
        $worker->onRequest = static fn () => 'kept for later';
        $frames = Conversation::run($worker, $codec, [null, [Conversation::request(3), [Op::REPLY, 1, true, 8]]]);
        $messages = array_merge(...$frames);
        Check::same([Op::CALL, Op::BROADCAST, Op::RES, Op::ACK], array_column($messages, 0));
    });
    $suite->test('wants more than 0 seconds', static function (): void {
        Check::throws(InvalidArgumentException::class, static fn () => (new Worker())->every(0, 'time'), 'more than 0');
    });
};
