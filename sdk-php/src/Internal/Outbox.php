<?php

declare(strict_types=1);

namespace Gw\Internal;

/**
 * Messages waiting for the next write, packed, and the count of work messages done since the last.
 *
 * Invariant: a frame ends with the ACK of everything finished in it, so after a crash the gateway has seen an answer
 * together with its acknowledgement or not at all.
 *
 * RES and SEND are packed by hand: that takes half as long as an array and ext-msgpack.
 */
final class Outbox
{
    /** No frame yet: a place for its header. */
    private const NONE = [''];

    /** Of longer texts no copy is made. */
    private const LONG = 4096;

    /** Work messages finished since the last write. The loop counts them here. */
    public int $done = 0;

    public int $maxFrame = Limit::FRAME_CAP;

    /** @var list<string> behind the header one for each message, and one for each long text */
    private array $parts = self::NONE;
    private int $longTexts = 0;
    private int $bytes = 0;

    /** What the last RES had: answers tend to have the same status and headers, and often a body of that length. */
    private int $status = 200;

    /** @var array<mixed> */
    private array $headers = [];
    private string $packed = "\xcc\xc8\x90";
    private int $length = 0;
    private string $prepared = "\xcc\xc8\x90\xa0";

    /** The same of the last SEND. */
    private int $sentLength = 0;
    private int $sentFlags = 0;
    private string $sent = "\0\xa0";

    public function __construct(private readonly Transport $transport)
    {
    }

    /**
     * RES; false: the body is too long for one.
     *
     * @param array<mixed> $headers fit for the wire
     */
    public function respond(int $sid, int $status, array $headers, string $body): bool
    {
        $length = \strlen($body);
        if ($length !== $this->length || $status !== $this->status || $headers !== $this->headers) {
            $this->prepare($status, $headers, $length);
        }
        $id = \pack('J', $sid);
        if ($length > self::LONG) {
            return $length <= Limit::BODY && $this->long("\x95\x20\xcf{$id}{$this->prepared}", $body);
        }
        $message = "\x95\x20\xcf{$id}{$this->prepared}{$body}";
        if (($this->bytes += \strlen($message)) > Limit::BATCH_BYTES || \count($this->parts) >= Limit::BATCH_MESSAGES) {
            $this->makeRoom(\strlen($message));
        }
        $this->parts[] = $message;

        return true;
    }

    /** @param array<mixed> $headers */
    private function prepare(int $status, array $headers, int $length): void
    {
        if ($status !== $this->status || $headers !== $this->headers) {
            $this->packed = Packer::value($status) . Packer::value($headers);
            $this->status = $status;
            $this->headers = $headers;
        }
        $this->prepared = $this->packed . Packer::prefix($length);
        $this->length = $length;
    }

    /** What SEND begins with for a connection. */
    public static function address(int $cid): string
    {
        return "\x94\x40\xcf" . \pack('J', $cid);
    }

    /** SEND. */
    public function send(string $address, int $flags, string $data): void
    {
        $length = \strlen($data);
        if ($length !== $this->sentLength || $flags !== $this->sentFlags) {
            $this->sent = \chr($flags) . Packer::prefix($length);
            $this->sentLength = $length;
            $this->sentFlags = $flags;
        }
        if ($length > self::LONG) {
            $this->long($address . $this->sent, $data);

            return;
        }
        $message = "{$address}{$this->sent}{$data}";
        if (($this->bytes += \strlen($message)) > Limit::BATCH_BYTES || \count($this->parts) >= Limit::BATCH_MESSAGES) {
            $this->makeRoom(\strlen($message));
        }
        $this->parts[] = $message;
    }

    /**
     * Any message.
     *
     * @param list<mixed> $message
     */
    public function add(array $message): void
    {
        $packed = Packer::value($message);
        if (($this->bytes += \strlen($packed)) > Limit::BATCH_BYTES || \count($this->parts) >= Limit::BATCH_MESSAGES) {
            $this->makeRoom(\strlen($packed));
        }
        $this->parts[] = $packed;
    }

    private function long(string $message, string $text): bool
    {
        $bytes = \strlen($message) + \strlen($text);
        if (($this->bytes += $bytes) > Limit::BATCH_BYTES || \count($this->parts) >= Limit::BATCH_MESSAGES) {
            $this->makeRoom($bytes);
        }
        $this->parts[] = $message;
        $this->parts[] = $text;
        ++$this->longTexts;

        return true;
    }

    /** The message joins no full frame: what is finished goes first, and one too long for a batch travels alone. */
    private function makeRoom(int $bytes): void
    {
        $this->bytes -= $bytes;
        if ($bytes > $this->maxFrame - 64) {
            throw new \LengthException("a message of $bytes bytes does not fit into a frame of {$this->maxFrame} bytes");
        }
        if ($this->parts !== self::NONE) {
            $this->flush();
        }
        $this->bytes += $bytes;
    }

    /** Writes everything as one frame, with one write. */
    public function flush(): void
    {
        if ($this->done > 0) {
            $ack = "\x92\x08" . ($this->done < 128 ? \chr($this->done) : Packer::integer($this->done));
            $this->bytes += \strlen($ack);
            $this->parts[] = $ack;
            $this->done = 0;
        }
        $count = \count($this->parts) - 1 - $this->longTexts;
        if ($count === 0) {
            return;
        }
        $this->parts[0] = $count < 16 ? \pack('N', $this->bytes + 1) . \chr(0x90 | $count) : \pack('NCn', $this->bytes + 3, 0xdc, $count);
        $frame = \implode('', $this->parts);
        $this->parts = self::NONE;
        $this->bytes = $this->longTexts = 0;
        $this->transport->write($frame);
    }
}
