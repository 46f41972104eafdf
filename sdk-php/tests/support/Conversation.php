<?php

declare(strict_types=1);

use Gw\Internal\Codec;
use Gw\Internal\Loop;
use Gw\Internal\Op;
use Gw\Internal\Packer;
use Gw\Internal\Unpacker;
use Gw\Worker;

/** A worker in this process, talking to a script; and the frames of both. */
final class Conversation
{
    public readonly ScriptedTransport $transport;
    public readonly Loop $loop;

    /** @param list<list<list<mixed>>|string|null|Closure> $steps messages of a frame each, or what ScriptedTransport takes */
    public function __construct(Worker $worker, Codec $codec, array $steps, array $hello = [])
    {
        $steps = array_map(static fn (mixed $step): mixed => is_array($step) ? self::frame($step) : $step, [[self::hello($hello)], ...$steps]);
        $this->transport = new ScriptedTransport($steps);
        $this->loop = $worker->loop($this->transport, $codec);
    }

    /**
     * Runs to the end of the script.
     *
     * @return list<list<list<mixed>>> the worker's frames behind READY
     */
    public static function run(Worker $worker, Codec $codec, array $steps, array $hello = []): array
    {
        $conversation = new self($worker, $codec, $steps, $hello);
        $conversation->loop->run();

        return array_slice($conversation->frames(), 1);
    }

    /** @return list<list<list<mixed>>> all frames of the worker */
    public function frames(): array
    {
        return array_map(static function (string $bytes): array {
            Check::same(strlen($bytes) - 4, unpack('N', $bytes)[1], 'length of a frame');

            return (new Unpacker())->messages(substr($bytes, 4));
        }, $this->transport->written);
    }

    /** @param list<list<mixed>> $messages */
    public static function frame(array $messages): string
    {
        $payload = Packer::value($messages);

        return pack('N', strlen($payload)) . $payload;
    }

    /** @return list<mixed> */
    public static function hello(array $changes = []): array
    {
        return [Op::HELLO, 1, 1, $changes + [
            'worker' => 7, 'slot' => 0, 'pool' => 'web', 'listeners' => [[1, 'front', 'http', '127.0.0.1:80'], [2, 'lines', 'text', '127.0.0.1:81']],
            'max_frame' => 1 << 20, 'max_message' => 512 << 10, 'stream_credit' => 256 << 10, 'debug' => false,
        ]];
    }

    /** @return list<mixed> */
    public static function request(int $sid, string $method = 'GET', string $path = '/', string $query = '', string $headers = "host: x\n", string $body = '', int $flags = 0): array
    {
        return [Op::REQ, $sid, $flags, 1, '127.0.0.1:5', $method, $path, $query, $headers, $body];
    }

    /** @return list<mixed> */
    public static function open(int $cid, string $query = '', string $headers = "host: x\n"): array
    {
        return [Op::OPEN, $cid, 1, '127.0.0.1:5', 'websocket', '/chat%20room', $query, $headers];
    }
}
