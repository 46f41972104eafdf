<?php

declare(strict_types=1);

namespace Gw\Internal;

/**
 * Which files the gateway can send in our place: those in the folders it named, that its account may read.
 *
 * Whatever is in doubt we send ourselves; the gateway answers 500 for a file that it cannot have.
 */
final class SendFolders
{
    private const REGULAR = 0100000;
    private const TYPE = 0170000;

    /** @var list<string> each with a slash at its end */
    private readonly array $folders;

    /** @param list<string> $folders */
    public function __construct(array $folders, private readonly ?int $uid)
    {
        $this->folders = array_map(static fn (string $folder): string => rtrim($folder, '/') . '/', $folders);
    }

    /** The path to tell the gateway; null: it cannot send this file. */
    public function find(string $path): ?string
    {
        if ($this->folders === [] || str_contains($path, "\0")) {
            return null;
        }
        clearstatcache(true, $path); // PHP remembers where symlinks led
        $real = realpath($path);
        if ($real === false || preg_match('//u', $real) !== 1) { // a name that is not UTF-8 cannot be told
            return null;
        }
        foreach ($this->folders as $folder) {
            if (str_starts_with($real, $folder)) {
                return $this->readable($folder, $real) ? $real : null;
            }
        }

        return null;
    }

    private function readable(string $folder, string $path): bool
    {
        $stat = @stat($path);
        if ($stat === false || ($stat['mode'] & self::TYPE) !== self::REGULAR) {
            return false;
        }
        // The owner of /proc/self is the account of this process; getmyuid() is that of the script.
        if ($this->uid === null || $this->uid === 0 || $this->uid === @fileowner('/proc/self')) {
            return true;
        }
        if (!$this->may($stat, 0400, 0004)) {
            return false;
        }
        for ($parent = \dirname($path); $this->may(@stat($parent), 0100, 0001); $parent = \dirname($parent)) {
            if (\strlen($parent) < \strlen($folder) || $parent === '/') {
                return true; // what lies above the folder the gateway has passed
            }
        }

        return false;
    }

    /** @param array<mixed>|false $stat */
    private function may(array|false $stat, int $own, int $others): bool
    {
        return $stat !== false && ($stat['mode'] & ($stat['uid'] === $this->uid ? $own : $others)) !== 0;
    }
}
