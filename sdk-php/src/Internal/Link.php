<?php

declare(strict_types=1);

namespace Gw\Internal;

use Gw\GatewayError;

/**
 * The conversation with the gateway: hands out batches, and lets a callback wait in the middle of one for the reply to a
 * CALL, for the credit of a stream or for a request's body. What else arrives meanwhile is kept for later, in order; the gateway's window
 * bounds how much that can be.
 */
final class Link
{
    public bool $ready = false;

    /** @var list<list<mixed>> the batch at work: an ABORT may stand in it, behind its request */
    public array $batch = [];

    /** @var list<list<mixed>> */
    private array $later = [];

    /** @var array<int, list<mixed>> REPLY by rid */
    private array $replies = [];
    private int $lastCall = 0;

    private ?int $stream = null;
    private int $credit = 0;
    private ?Upload $upload = null;

    /** The request at work whose client is gone, when that was noticed. */
    private ?int $gone = null;

    public function __construct(
        private readonly Transport $transport,
        private readonly FrameReader $frames,
        public readonly Outbox $outbox,
    ) {
    }

    /**
     * A batch that is already here, or null.
     *
     * @return list<list<mixed>>|null
     */
    public function next(): ?array
    {
        if ($this->later !== []) {
            $this->batch = $this->later;
            $this->later = [];

            return $this->batch;
        }
        $batch = $this->frames->next();
        $this->batch = $batch ?? []; // an idle worker does not hold on to the bodies of its last batch

        return $batch;
    }

    /** Waits for bytes. Everything finished is written first. */
    public function wait(): void
    {
        $this->outbox->flush();
        $this->frames->feed($this->transport->read());
    }

    /** Whether bytes came within $seconds. */
    public function readable(float $seconds): bool
    {
        $this->outbox->flush();

        return $this->transport->readable($seconds);
    }

    /** Asks the gateway and waits for its answer. */
    public function call(string $name, mixed ...$arguments): mixed
    {
        $this->ready || throw new \LogicException("the gateway can be asked ($name) only after onStart");
        $rid = ++$this->lastCall;
        $this->outbox->add([Op::CALL, $rid, $name, $arguments]);
        while (!isset($this->replies[$rid])) {
            $this->wait();
            $this->sort();
        }
        [, , $ok, $value] = $this->replies[$rid];
        unset($this->replies[$rid]);

        return $ok ? $value : throw new GatewayError("$name: $value");
    }

    /** Begins the bookkeeping of a streamed answer. */
    public function openStream(int $sid, int $credit): void
    {
        $this->stream = $sid;
        $this->credit = $credit;
        $this->noticeAbort($sid);
        $this->sort();
    }

    /** Begins to receive the body of the request at work. */
    public function openUpload(int $sid, int $credit): Upload
    {
        $this->upload = new Upload($sid, $this, $credit);
        $this->noticeAbort($sid);
        $this->upload->gone = $this->gone === $sid;

        return $this->upload;
    }

    /** Waits until there may be more of the body, or its client is gone. */
    public function waitForUpload(): void
    {
        $this->wait();
        $this->sort();
    }

    public function closeUpload(): void
    {
        $this->upload = null;
    }

    /** Whether the client of the request at work is gone, as far as the gateway has told. */
    public function isGone(int $sid): bool
    {
        while ($this->gone !== $sid && $this->transport->readable(0)) {
            $this->frames->feed($this->transport->read());
            $this->sort();
        }
        $this->noticeAbort($sid);

        return $this->gone === $sid;
    }

    /** Looks for an ABORT among what is kept for later. */
    private function noticeAbort(int $sid): void
    {
        foreach ([...$this->batch, ...$this->later] as $m) {
            if ($m[0] === Op::ABORT && $m[1] === $sid) {
                $this->gone = $sid;
            }
        }
    }

    /** Takes up what the gateway says about the stream, without waiting; false when nobody wants the rest of it. */
    public function streaming(): bool
    {
        return !$this->isGone((int) $this->stream);
    }

    /** Spends $bytes of the stream's credit, waiting for them if need be; false when nobody wants them any more. */
    public function spend(int $bytes): bool
    {
        while ($this->gone !== $this->stream && $this->credit < $bytes) {
            $this->wait();
            $this->sort();
        }
        $this->credit -= $bytes;

        return $this->gone !== $this->stream;
    }

    public function closeStream(): void
    {
        $this->stream = null;
    }

    /** Handles what a waiting callback must not miss in the frames that are here, and keeps the rest for later. */
    private function sort(): void
    {
        while (($batch = $this->frames->next()) !== null) {
            foreach ($batch as $m) {
                $this->sortOne($m);
            }
        }
    }

    /** @param list<mixed> $m */
    private function sortOne(array $m): void
    {
        Shape::check($m);
        match (true) {
            $m[0] === Op::REPLY => $this->replies[$m[1]] = $m,
            $m[0] === Op::CREDIT && $m[1] === $this->stream => $this->credit += $m[2],
            $m[0] === Op::BODY => $this->upload?->sid === $m[1] && $this->upload->feed($m[2], $m[3] === 1),
            $m[0] === Op::ABORT && ($m[1] === $this->stream || $m[1] === $this->upload?->sid) => $this->abort($m[1]),
            $m[0] === Op::PING => $this->outbox->add([Op::PONG, $m[1]]),
            default => $this->later[] = $m,
        };
    }
    private function abort(int $sid): void
    {
        $this->gone = $sid;
        if ($this->upload?->sid === $sid) {
            $this->upload->gone = true;
        }
    }
}
