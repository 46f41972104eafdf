<?php

declare(strict_types=1);

namespace Gw\Internal;

use Gw\ClientGone;

/**
 * A body that is still on its way. The gateway sends only what it was asked for, so at most one credit of it waits here;
 * what has been read is asked for again.
 */
final class Upload
{
    public bool $gone = false;

    /** @var \SplQueue<string> */
    private readonly \SplQueue $pieces;
    private bool $ended = false;
    private bool $asked = false;
    private int $used = 0;

    public function __construct(public readonly int $sid, private readonly Link $link, private readonly int $credit)
    {
        $this->pieces = new \SplQueue();
    }

    public function feed(string $piece, bool $last): void
    {
        if ($piece !== '') {
            $this->pieces->enqueue($piece);
        }
        $this->ended = $this->ended || $last;
    }

    /**
     * The next piece, waited for; '' at the end.
     *
     * @throws ClientGone
     */
    public function next(): string
    {
        while ($this->pieces->isEmpty() && !$this->ended) {
            $this->gone && throw new ClientGone('the client left in the middle of its request');
            if (!$this->asked) {
                $this->asked = true;
                $this->ask($this->credit);
            }
            $this->link->waitForUpload();
        }
        if ($this->pieces->isEmpty()) {
            return '';
        }
        $piece = $this->pieces->dequeue();
        $this->used += \strlen($piece);
        if ($this->used >= $this->credit / 4 && !$this->ended) {
            $this->ask($this->used);
            $this->used = 0;
        }

        return $piece;
    }

    /** Written at once: the callback may be busy with this piece for long. */
    private function ask(int $bytes): void
    {
        $this->link->outbox->add([Op::BODY_CREDIT, $this->sid, $bytes]);
        $this->link->outbox->flush();
    }
}
