<?php

declare(strict_types=1);

namespace Gw\Internal;

/** A body that the gateway spooled to a file because of its length. Never read as a whole. */
final class FileBody implements Body
{
    private const READ_BYTES = 256 << 10;

    /** @var resource */
    private $file;

    public function __construct(string $path)
    {
        $this->file = @fopen($path, 'rb') ?: throw new \RuntimeException("cannot read the body in $path");
    }

    public function find(string $needle, int $from): ?int
    {
        fseek($this->file, $from);
        $window = '';
        while (($bytes = (string) fread($this->file, self::READ_BYTES)) !== '') {
            $window .= $bytes;
            $at = strpos($window, $needle);
            if ($at !== false) {
                return $from + $at;
            }
            // What may be the beginning of the needle stays.
            $keep = min(strlen($window), strlen($needle) - 1);
            $from += strlen($window) - $keep;
            $window = $keep > 0 ? substr($window, -$keep) : '';
        }

        return null;
    }

    public function slice(int $from, int $length): string
    {
        return (string) stream_get_contents($this->file, $length, $from);
    }

    public function copy(int $from, int $length, string $path): void
    {
        $to = @fopen($path, 'wb') ?: throw new \RuntimeException("cannot write $path");
        try {
            fseek($this->file, $from);
            if (stream_copy_to_stream($this->file, $to, $length) !== $length) {
                throw new \RuntimeException("cannot write $path");
            }
        } finally {
            fclose($to);
        }
    }
}
