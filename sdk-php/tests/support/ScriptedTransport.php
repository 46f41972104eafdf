<?php

declare(strict_types=1);

use Gw\Internal\GatewayGone;
use Gw\Internal\Transport;

/**
 * A gateway that follows a script. A step is bytes to be read; null, a moment without input; or a function that is called
 * when the worker comes to it and returns such a step. Behind the last step the input ends.
 */
final class ScriptedTransport implements Transport
{
    /** @var list<string> one for each write */
    public array $written = [];

    public bool $broken = false;

    /** @param list<string|null|Closure> $steps */
    public function __construct(private array $steps)
    {
    }

    public function read(): string
    {
        while ($this->steps !== []) {
            $step = $this->step();
            if ($step !== null) {
                return $step;
            }
        }

        throw new GatewayGone('end of script');
    }

    public function write(string $bytes): void
    {
        $this->broken && throw new GatewayGone('broken pipe');
        $this->written[] = $bytes;
    }

    public function readable(float $seconds): bool
    {
        if ($this->steps !== [] && $this->steps[0] === null) {
            array_shift($this->steps);
            usleep((int) ($seconds * 1e6));

            return false;
        }

        // The end of the script is an end only to those who wait for it.
        return $this->steps !== [] || $seconds > 0;
    }

    private function step(): ?string
    {
        $step = array_shift($this->steps);

        return $step instanceof Closure ? $step() : $step;
    }
}
