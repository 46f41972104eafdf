<?php

declare(strict_types=1);

use Gw\Internal\Codec;
use Gw\Internal\Op;
use Gw\Worker;

/** The gateway's side of streamed bodies: sends what a worker asks for, in pieces. */
final class Sender
{
    /** The most that was ever asked for and not sent. */
    public int $ahead = 0;

    public int $asked = 0;
    private int $sent = 0;
    private Conversation $conversation;

    public function __construct(private readonly string $body, private readonly int $piece = 1000, private readonly int $stopAt = PHP_INT_MAX)
    {
    }

    /**
     * Runs a worker on a request with that body, and one more.
     *
     * @return list<list<mixed>> its messages
     */
    public function run(Worker $worker, Codec $codec, array $hello = [], string $headers = "host: x\n"): array
    {
        $steps = array_fill(0, 40 + intdiv(strlen($this->body), $this->piece) * 2, fn (): ?string => $this->step());
        $request = Conversation::request(1, 'POST', headers: $headers, flags: 1);
        $this->conversation = new Conversation($worker, $codec, [[$request], ...$steps, [Conversation::request(2)]], $hello);
        $this->conversation->loop->run();

        return array_merge(...$this->conversation->frames());
    }

    private function step(): ?string
    {
        $credits = array_filter(array_merge(...$this->conversation->frames()), static fn (array $m): bool => $m[0] === Op::BODY_CREDIT);
        $this->asked = array_sum(array_column($credits, 2));
        $this->ahead = max($this->ahead, $this->asked - $this->sent);
        if ($this->sent >= $this->stopAt) {
            return Conversation::frame([[Op::ABORT, 1, 1]]);
        }
        $data = substr($this->body, $this->sent, min($this->piece, $this->asked - $this->sent));
        if ($data === '') {
            return null;
        }
        $this->sent += strlen($data);

        return Conversation::frame([[Op::BODY, 1, $data, $this->sent === strlen($this->body) ? 1 : 0]]);
    }
}
