<?php

declare(strict_types=1);

namespace Gw\Internal;

/** A body that came with its request. */
final class StringBody implements Body
{
    public function __construct(private readonly string $bytes)
    {
    }

    public function find(string $needle, int $from): ?int
    {
        $at = $from <= strlen($this->bytes) ? strpos($this->bytes, $needle, $from) : false;

        return $at === false ? null : $at;
    }

    public function slice(int $from, int $length): string
    {
        return substr($this->bytes, $from, $length);
    }

    public function copy(int $from, int $length, string $path): void
    {
        if (@file_put_contents($path, $this->slice($from, $length)) !== $length) {
            throw new \RuntimeException("cannot write $path");
        }
    }
}
