<?php

declare(strict_types=1);

// CPU time of a worker's loop per message, the machine's speed included: compare ratios, and the best of several runs.
//
//     php sdk-php/bench/loop.php [seconds per run] [rounds] [windows, as 1,8,64]
//
// Drives real worker processes through two pipes, with 1, 8 and 64 messages under way, with and without ext-msgpack.

require __DIR__ . '/../autoload.php';

use Gw\Internal\Limit;
use Gw\Internal\Op;
use Gw\Internal\Packer;

final class Driver
{
    /** @var resource */
    private $process;

    /** @var array<int, resource> */
    private array $pipes = [];

    /** @param list<string> $command */
    public function __construct(array $command)
    {
        $descriptors = [0 => ['file', '/dev/null', 'r'], 3 => ['pipe', 'r'], 4 => ['pipe', 'w']];
        $this->process = proc_open($command, $descriptors, $this->pipes, null, ['GW_IPC' => '1', 'PATH' => getenv('PATH')]);
        stream_set_read_buffer($this->pipes[4], 0);
        $this->write([[Op::HELLO, 1, 1, ['listeners' => [[1, 'web', 'http', ':80']], 'max_frame' => 1 << 20, 'stream_credit' => Limit::BODY]]]);
        $this->frames(); // READY
        $this->write([[Op::OPEN, 7 << 32, 1, '127.0.0.1:5', 'websocket', '/', '', '']]);
        while ($this->acknowledged() === 0);
    }

    /** @return array{float, int} CPU µs of the worker per message, messages per second */
    public function run(string $message, int $window, float $seconds): array
    {
        $this->send($message, $window);
        $this->exchange($message, hrtime(true) + 2e8); // warm up
        $cpu = $this->cpu();
        $begin = hrtime(true);
        $count = $this->exchange($message, $begin + $seconds * 1e9);
        $result = [($this->cpu() - $cpu) / $count / 1e3, (int) ($count / (hrtime(true) - $begin) * 1e9)];
        while ($window > 0) {
            $window -= $this->acknowledged();
        }

        return $result;
    }

    /** Answers every acknowledgement by as many new messages. */
    private function exchange(string $message, float $until): int
    {
        for ($count = 0; hrtime(true) < $until; $count += $n) {
            $this->send($message, $n = $this->acknowledged());
        }

        return $count;
    }

    private function send(string $message, int $count): void
    {
        $batch = max(1, min(Limit::BATCH_MESSAGES, intdiv(Limit::BATCH_BYTES, strlen($message))));
        for (; $count > 0; $count -= $n) {
            $n = min($count, $batch);
            $this->writePayload("\xdd" . pack('N', $n) . str_repeat($message, $n));
        }
    }

    /** @param list<list<mixed>> $messages */
    private function write(array $messages): void
    {
        $this->writePayload((new Packer())->messages($messages));
    }

    private function writePayload(string $payload): void
    {
        fwrite($this->pipes[3], pack('N', strlen($payload)) . $payload);
    }

    /** Every frame ends with an ACK of less than 128: its last byte. */
    private function acknowledged(): int
    {
        return array_sum(array_map(static fn (string $frame): int => ord($frame[-1]), $this->frames()));
    }

    /** @return list<string> */
    private function frames(): array
    {
        $bytes = (string) fread($this->pipes[4], 65536);
        for ($frames = [], $at = 0; $at < strlen($bytes); $at += $length) {
            while (strlen($bytes) - $at < 4 || strlen($bytes) - $at - 4 < unpack('N', $bytes, $at)[1]) {
                $bytes .= fread($this->pipes[4], 65536) ?: throw new RuntimeException('the worker is gone');
            }
            $length = 4 + unpack('N', $bytes, $at)[1];
            $frames[] = substr($bytes, $at, $length);
        }

        return $frames;
    }

    /** ns on a CPU */
    private function cpu(): int
    {
        return (int) file_get_contents('/proc/' . proc_get_status($this->process)['pid'] . '/schedstat');
    }

    public function close(): void
    {
        array_map(fclose(...), $this->pipes);
        proc_close($this->process);
    }
}

$headers = "host: example.org\naccept: application/json, text/plain, */*\naccept-language: en-GB,en;q=0.8,de;q=0.5\naccept-encoding: gzip, deflate, br\n"
    . "user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\ncontent-type: application/json\ncontent-length: 1024\n"
    . "origin: https://example.org\nreferer: https://example.org/basket/checkout\nx-token: 0123456789abcdef0123456789abcdef\n"
    . 'cookie: session=' . str_repeat('0123456789', 11) . "; theme=dark\n";
$messages = [
    'hello' => Packer::value([Op::REQ, 7 << 32, 0, 1, '127.0.0.1:50123', 'GET', '/', '', "host: localhost\n", '']),
    'http' => Packer::value([Op::REQ, 7 << 32, 0, 1, '127.0.0.1:50123', 'POST', '/api/v1/basket/42/checkout', 'currency=EUR&dry_run=1&lang=de-AT', $headers, str_repeat('{"a": 1}', 128)]),
    'ws' => Packer::value([Op::MSG, 7 << 32, 0, str_repeat('x', 32)]),
];
$codecs = extension_loaded('msgpack') ? ['ext-msgpack' => [PHP_BINARY], 'pure PHP' => [PHP_BINARY, '-n']] : ['pure PHP' => [PHP_BINARY, '-n']];
$seconds = (float) ($argv[1] ?? 0.5);
$rounds = (int) ($argv[2] ?? 3);
$windows = array_map(intval(...), explode(',', $argv[3] ?? '1,8,64'));

printf("%-12s %-6s %6s %12s %12s %12s\n", 'codec', 'load', 'window', 'best µs', 'median µs', 'messages/s');
foreach ($codecs as $codec => $php) {
    foreach ($messages as $load => $message) {
        foreach ($windows as $window) {
            $runs = [];
            for ($round = 0; $round < $rounds; ++$round) {
                $driver = new Driver([...$php, __DIR__ . '/handler.php', $load]);
                $runs[] = $driver->run($message, $window, $seconds);
                $driver->close();
            }
            sort($runs);
            printf("%-12s %-6s %6d %12.2f %12.2f %12d\n", $codec, $load, $window, $runs[0][0], $runs[intdiv($rounds, 2)][0], $runs[0][1]);
        }
    }
}
