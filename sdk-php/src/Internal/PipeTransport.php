<?php

declare(strict_types=1);

namespace Gw\Internal;

/**
 * The two pipes that the gateway left open for us.
 *
 * Plain blocking streams with their buffers off: one fread() is one read(2), one fwrite() one write(2). That was
 * 1.5 to 3 times cheaper than a socketpair, FFI or a select before every read.
 */
final class PipeTransport implements Transport
{
    private const READ_BYTES = 65536;

    /** @var resource */
    private $in;

    /** @var resource */
    private $out;

    public function __construct(int $in, int $out)
    {
        $this->in = self::open($in, 'rb');
        $this->out = self::open($out, 'wb');
        stream_set_read_buffer($this->in, 0);
        stream_set_write_buffer($this->out, 0);
    }

    /** @return resource */
    private static function open(int $descriptor, string $mode)
    {
        $stream = @fopen('php://fd/' . $descriptor, $mode);
        if ($stream === false) {
            throw new GatewayGone("descriptor $descriptor is not open");
        }
        // O_NONBLOCK belongs to the pipe, not to our descriptor: whoever shared it with us may have set it.
        stream_set_blocking($stream, true);

        return $stream;
    }

    public function read(): string
    {
        while (true) {
            $bytes = @fread($this->in, self::READ_BYTES);
            if ($bytes !== '' && $bytes !== false) {
                return $bytes;
            }
            // Nothing without the end of the file is an interrupted call (EINTR) or a spurious wake-up.
            if (feof($this->in)) {
                throw new GatewayGone('end of input');
            }
        }
    }

    public function write(string $bytes): void
    {
        while ($bytes !== '') {
            $bytes = substr($bytes, $this->attempt($bytes));
        }
    }

    /** One fwrite() that normally takes everything; else how much it took. */
    private function attempt(string $bytes): int
    {
        try {
            $written = @fwrite($this->out, $bytes);
        } catch (\Throwable) {
            $written = false; // an application's error handler that throws in spite of the @
        }

        return $written === false ? $this->attemptAgain($bytes) : $written;
    }

    /** Tells EINTR (no notice: 0, to be tried again) from EPIPE, out of reach of the application's error handler. */
    private function attemptAgain(string $bytes): int
    {
        $notice = null;
        set_error_handler(static function (int $level, string $message) use (&$notice): bool {
            $notice = $message;

            return true;
        });
        $written = fwrite($this->out, $bytes);
        restore_error_handler();
        if ($notice !== null) {
            throw new GatewayGone($notice);
        }

        return (int) $written;
    }

    public function readable(float $seconds): bool
    {
        $read = [$this->in];
        $none = null;
        $whole = (int) $seconds;

        // Interrupted by a signal (false) counts as not readable: callers ask again.
        return (int) @stream_select($read, $none, $none, $whole, (int) (($seconds - $whole) * 1e6)) > 0;
    }
}
