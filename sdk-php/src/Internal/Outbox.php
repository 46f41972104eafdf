<?php

declare(strict_types=1);

namespace Gw\Internal;

/**
 * Messages waiting for the next write, and the count of work messages done since the last.
 *
 * Invariant: a frame ends with the ACK of everything finished in it, so after a crash the gateway has seen an answer
 * together with its acknowledgement or not at all.
 */
final class Outbox
{
    /** Work messages finished since the last write. The loop counts them here. */
    public int $done = 0;

    public int $maxFrame = Limit::FRAME_CAP;

    /** @var list<list<mixed>> */
    private array $messages = [];
    private int $bytes = 0;

    public function __construct(private readonly Transport $transport, private readonly Codec $codec)
    {
    }

    /**
     * @param list<mixed> $message
     * @param int         $bytes   about its encoded length
     */
    public function add(array $message, int $bytes): void
    {
        if (($this->bytes += $bytes) > Limit::BATCH_BYTES || \count($this->messages) >= Limit::BATCH_MESSAGES - 1) {
            $this->makeRoom($bytes);
        }
        $this->messages[] = $message;
    }

    /** The message joins no full frame: what is finished goes first, and one too long for a batch travels alone. */
    private function makeRoom(int $bytes): void
    {
        $this->bytes -= $bytes;
        if ($bytes > $this->maxFrame - 64) {
            throw new \LengthException("a message of $bytes bytes does not fit into a frame of {$this->maxFrame} bytes");
        }
        if ($this->messages !== []) {
            $this->flush();
        }
        $this->bytes += $bytes;
    }

    public function isEmpty(): bool
    {
        return $this->messages === [] && $this->done === 0;
    }

    /** Writes everything as one frame, with one write. */
    public function flush(): void
    {
        if ($this->done > 0) {
            $this->messages[] = [Op::ACK, $this->done];
            $this->done = 0;
        }
        if ($this->messages === []) {
            return;
        }
        $payload = $this->codec->encode($this->messages);
        $this->messages = [];
        $this->bytes = 0;
        $this->transport->write(\pack('N', \strlen($payload)) . $payload);
    }
}
