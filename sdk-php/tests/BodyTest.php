<?php

declare(strict_types=1);

use Gw\ClientGone;
use Gw\Internal\Codec;
use Gw\Internal\Log;
use Gw\Internal\Op;
use Gw\Request;
use Gw\Worker;

// Bodies read piece by piece.
return static function (Suite $suite, Codec $codec): void {
    $worker = static function (callable $onRequest): Worker {
        $worker = new Worker();
        $worker->streamBodies = true;
        $worker->onRequest = static fn (Request $r) => $r->id === 2 ? 'next' : $onRequest($r);

        return $worker;
    };
    $answer = static fn (array $messages): mixed => current(array_filter($messages, static fn (array $m): bool => $m[0] === Op::RES && $m[1] === 1));
    $long = str_repeat(implode('', array_map(chr(...), range(0, 255))), 400);

    $suite->test('asks for streams only when told', static function () use ($worker, $codec): void {
        $ready = static fn (Worker $w): array => (new Sender(''))->run($w, $codec)[0][2];
        Check::same(true, $ready($worker(static fn () => 'x'))['stream_body']);
        Check::true(!isset($ready(new Worker())['stream_body']), 'not by itself');
    });
    $suite->test('yields pieces as they come, and no more waits than the credit', static function () use ($worker, $answer, $codec, $long): void {
        $got = [];
        $sender = new Sender($long, 900);
        $messages = $sender->run($worker(static function (Request $r) use (&$got): string {
            foreach ($r->stream() as $piece) {
                $got[] = $piece;
            }

            return (string) count($got);
        }), $codec, ['stream_credit' => 4000]);
        Check::same(md5($long), md5(implode('', $got)));
        Check::true($sender->ahead <= 4000, "only what was asked for waits, {$sender->ahead} bytes");
        Check::same((string) count($got), $answer($messages)[4]);
        Check::same([Op::RES, 2, 200], array_slice(current(array_filter($messages, static fn (array $m): bool => $m[0] === Op::RES && $m[1] === 2)), 0, 3));
    });
    $suite->test('reads so many bytes', static function () use ($worker, $codec, $long): void {
        $parts = [];
        (new Sender(substr($long, 0, 9000)))->run($worker(static function (Request $r) use (&$parts): string {
            array_push($parts, $r->read(3), $r->read(2000));
            foreach ($r->stream() as $piece) {
                $parts[] = $piece;
                break;
            }
            array_push($parts, $r->read(0), $r->read(), $r->read(5));

            return '';
        }), $codec);
        Check::same([3, 2000, '', ''], [strlen($parts[0]), strlen($parts[1]), $parts[3], $parts[5]]);
        Check::same(md5(substr($long, 0, 9000)), md5(implode('', $parts)));
    });
    $suite->test('collects the body when it is asked for as a whole', static function () use ($worker, $answer, $codec): void {
        $messages = (new Sender('{"a": 1}', 3))->run($worker(static fn (Request $r) => [$r->json(), $r->json(), $r->bodyFile()]), $codec);
        Check::same('[{"a":1},{"a":1},null]', $answer($messages)[4]);
    });
    $suite->test('refuses the whole after a part was read', static function () use ($worker, $codec, $long): void {
        (new Sender($long))->run($worker(static function (Request $r): string {
            $r->read(3);
            Check::throws(LogicException::class, $r->body(...), 'part of the body');

            return '';
        }), $codec);
    });
    $suite->test('streams every kind of body', static function () use ($codec, $long): void {
        $file = tempnam(sys_get_temp_dir(), 'gw');
        file_put_contents($file, $long);
        $sizes = [];
        $w = new Worker();
        $w->onRequest = static function (Request $r) use (&$sizes): string {
            $sizes[] = strlen(implode('', iterator_to_array($r->stream(), false)));

            return '';
        };
        Conversation::run($w, $codec, [[Conversation::request(1), Conversation::request(2, body: 'short'), Conversation::request(3, body: $file, flags: 2)]]);
        unlink($file);
        Check::same([0, 5, strlen($long)], $sizes);
    });
    $suite->test('never asks for a body that nobody reads', static function () use ($worker, $codec, $long): void {
        $sender = new Sender($long);
        $messages = $sender->run($worker(static fn () => 'no'), $codec);
        Check::same([0, 'no', 'next'], [$sender->asked, ...array_column(array_filter($messages, static fn (array $m): bool => $m[0] === Op::RES), 4)]);
    });
    $suite->test('ends the read when the client leaves', static function () use ($worker, $codec, $long): void {
        $seen = [];
        $messages = (new Sender($long, 1000, 3000))->run($worker(static function (Request $r) use (&$seen): string {
            try {
                foreach ($r->stream() as $piece) {
                    $seen[] = strlen($piece);
                }
            } catch (ClientGone $gone) {
                $seen[] = $r->disconnected;
                throw $gone;
            }

            return '';
        }), $codec);
        Check::same([1000, 1000, 1000, true], $seen);
        Check::same('', file_get_contents(Log::$target), 'nobody is to blame');
        Check::same('next', end($messages)[0] === Op::ACK ? $messages[count($messages) - 2][4] : null);
    });
    $suite->test('tells that the client is still there', static function () use ($codec): void {
        $w = new Worker();
        $w->onRequest = static fn (Request $r) => var_export($r->disconnected, true);
        Check::same('false', Conversation::run($w, $codec, [[Conversation::request(1)]])[0][0][4]);
    });
    $suite->test('puts a multipart form into a file', static function () use ($worker, $answer, $codec, $long): void {
        $body = "--b\r\ncontent-disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n$long\r\n--b--\r\n";
        $messages = (new Sender($body))->run($worker(static fn (Request $r) => (string) $r->file('f')?->size), $codec, [], "content-type: multipart/form-data; boundary=b\n");
        Check::same((string) strlen($long), $answer($messages)[4]);
    });
};
