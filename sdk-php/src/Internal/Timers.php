<?php

declare(strict_types=1);

namespace Gw\Internal;

use Gw\Timer;

/** The pending timers. They run between batches, never inside a callback. */
final class Timers
{
    /** @var array<int, Timer> */
    private array $timers = [];

    public function add(Timer $timer): void
    {
        $this->timers[spl_object_id($timer)] = $timer;
    }

    public function isEmpty(): bool
    {
        return $this->timers === [];
    }

    /** Seconds until the next one is due, 0.0 when it is. */
    public function wait(): float
    {
        $next = min(array_map(static fn (Timer $timer): int => $timer->due(), $this->timers));

        return max(0, $next - hrtime(true)) / 1e9;
    }

    public function run(): void
    {
        $now = hrtime(true);
        foreach ($this->timers as $id => $timer) {
            if ($timer->isCancelled()) {
                unset($this->timers[$id]);
            } elseif ($timer->due() <= $now) {
                self::fire($timer, $now);
            }
        }
    }

    private static function fire(Timer $timer, int $now): void
    {
        try {
            $timer->fire($now);
        } catch (GatewayGone | Violation $end) {
            throw $end;
        } catch (\Throwable $thrown) {
            Log::write('Timer failed', [], $thrown);
        }
    }
}
