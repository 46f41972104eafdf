<?php

declare(strict_types=1);

namespace Gw;

/** A repeated call, made by Worker::every(). */
final class Timer
{
    private readonly int $interval;
    private int $due;
    private ?\Closure $callback;

    /** @internal */
    public function __construct(float $seconds, callable $callback)
    {
        $this->interval = $seconds > 0 ? (int) ($seconds * 1e9) : throw new \InvalidArgumentException('a timer needs more than 0 seconds');
        $this->due = hrtime(true) + $this->interval;
        $this->callback = \Closure::fromCallable($callback);
    }

    /** No further call. May be called from the callback itself. */
    public function cancel(): void
    {
        $this->callback = null;
    }

    /** @internal */
    public function isCancelled(): bool
    {
        return $this->callback === null;
    }

    /** @internal when it is to run next, on the clock of hrtime(). A cancelled one is due at once, to be removed. */
    public function due(): int
    {
        return $this->callback === null ? 0 : $this->due;
    }

    /** @internal keeps its rhythm; calls missed while a handler was busy are not made up for */
    public function fire(int $now): void
    {
        $this->due += $this->interval * (1 + intdiv($now - $this->due, $this->interval));
        if ($this->callback !== null) {
            ($this->callback)();
        }
    }
}
