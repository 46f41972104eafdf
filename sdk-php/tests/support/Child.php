<?php

declare(strict_types=1);

use Gw\Internal\Codec;
use Gw\Internal\Op;
use Gw\Internal\PureCodec;
use Gw\Internal\Unpacker;

/** A real worker process running a fixture, with this process in the gateway's place. */
final class Child
{
    private const PATIENCE = 10.0;

    /** @var resource */
    private $process;

    /** @var array<int, resource> */
    private array $pipes = [];
    private string $bytes = '';

    /** @var list<array<mixed>> everything the worker sent, in order */
    public array $messages = [];

    public int $pid;

    /** @param list<string> $options of php */
    public function __construct(string $fixture, Codec $codec, array $hello = [], array $options = [], array $environment = ['GW_IPC' => '1', 'GW_FD_IN' => '3', 'GW_FD_OUT' => '4'])
    {
        $php = $codec instanceof PureCodec ? [PHP_BINARY, '-n'] : [PHP_BINARY];
        $descriptors = [['file', '/dev/null', 'r'], ['pipe', 'w'], ['pipe', 'w'], ['pipe', 'r'], ['pipe', 'w']];
        $this->process = proc_open([...$php, ...$options, __DIR__ . "/../fixtures/$fixture.php"], $descriptors, $this->pipes, null, $environment);
        $this->pid = proc_get_status($this->process)['pid'];
        stream_set_read_buffer($this->pipes[4], 0);
        $this->send([Conversation::hello($hello)]);
    }

    /** Starts a fixture and waits until it is ready. */
    public static function ready(string $fixture, Codec $codec, array $hello = [], array $options = []): self
    {
        $child = new self($fixture, $codec, $hello, $options);
        $child->expect(Op::READY);

        return $child;
    }

    /** @param list<list<mixed>> $messages */
    public function send(array $messages): void
    {
        $this->sendBytes(Conversation::frame($messages));
    }

    public function sendBytes(string $bytes): void
    {
        @fwrite($this->pipes[3], $bytes);
    }

    /**
     * Reads on until a message with that op is there, and takes it out.
     *
     * @return list<mixed>
     */
    public function expect(int $op): array
    {
        $until = microtime(true) + self::PATIENCE;
        while (true) {
            foreach ($this->messages as $i => $message) {
                if ($message[0] === $op) {
                    array_splice($this->messages, $i, 1);

                    return $message;
                }
            }
            if (!$this->receive($until - microtime(true))) {
                throw new RuntimeException(sprintf('no message 0x%02x; got %s; stderr: %s', $op, json_encode($this->messages, JSON_INVALID_UTF8_SUBSTITUTE), $this->stderr()));
            }
        }
    }

    /** Reads once; false at the end or when the time is over. */
    private function receive(float $seconds): bool
    {
        $read = [$this->pipes[4]];
        $none = null;
        if ($seconds <= 0 || stream_select($read, $none, $none, (int) $seconds, (int) (fmod($seconds, 1) * 1e6)) !== 1) {
            return false;
        }
        $bytes = (string) fread($this->pipes[4], 65536);
        $this->bytes .= $bytes;
        while (strlen($this->bytes) >= 4 && strlen($this->bytes) >= ($length = 4 + unpack('N', $this->bytes)[1])) {
            array_push($this->messages, ...(new Unpacker())->messages(substr($this->bytes, 4, $length - 4)));
            $this->bytes = substr($this->bytes, $length);
        }

        return $bytes !== '';
    }

    /** The gateway leaves. */
    public function closeInput(): void
    {
        fclose($this->pipes[3]);
    }

    public function closeOutput(): void
    {
        fclose($this->pipes[4]);
    }

    /** Reads to the end and returns the exit code. */
    public function exit(): int
    {
        $until = microtime(true) + self::PATIENCE;
        while (is_resource($this->pipes[4]) && $this->receive($until - microtime(true)));
        while (($status = proc_get_status($this->process))['running'] && microtime(true) < $until) {
            usleep(1000);
        }
        if ($status['running']) {
            proc_terminate($this->process, SIGKILL_NUMBER);
            throw new RuntimeException('the worker does not end');
        }

        return $status['exitcode'];
    }

    public function stdout(): string
    {
        return (string) stream_get_contents($this->pipes[1]);
    }

    public function stderr(): string
    {
        stream_set_blocking($this->pipes[2], proc_get_status($this->process)['running'] === false);

        return (string) stream_get_contents($this->pipes[2]);
    }
}

const SIGKILL_NUMBER = 9; // pcntl is not everywhere
