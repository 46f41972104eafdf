<?php

declare(strict_types=1);

namespace Gw\Internal;

/** Bytes to look into and to cut from, wherever they lie. */
interface Body
{
    /** Where $needle begins at or behind $from, or null. */
    public function find(string $needle, int $from): ?int;

    public function slice(int $from, int $length): string;

    /** @throws \RuntimeException when $path cannot be written */
    public function copy(int $from, int $length, string $path): void;
}
