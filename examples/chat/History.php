<?php
declare(strict_types=1);

/** The last messages, one JSON object per line, in a file that several processes share under flock. */
final class History
{
    private const KEPT = 50;
    private const LONGEST_FILE = 256 * 1024;

    public function __construct(private readonly string $path)
    {
    }

    /** @param array<string, mixed> $message */
    public function append(array $message): void
    {
        $file = $this->open(LOCK_EX);
        fseek($file, 0, SEEK_END);
        fwrite($file, encode($message) . "\n");
        if (ftell($file) > self::LONGEST_FILE) {
            $this->trim($file);
        }
        fclose($file);
    }

    /** @return list<array<string, mixed>> */
    public function last(): array
    {
        $file = $this->open(LOCK_SH);
        $lines = $this->lines($file);
        fclose($file);
        return array_map(fn (string $line) => json_decode($line, true), $lines);
    }

    /** @return resource */
    private function open(int $lock)
    {
        $file = fopen($this->path, 'c+');
        flock($file, $lock);
        return $file;
    }

    /**
     * @param resource $file
     * @return list<string>
     */
    private function lines($file): array
    {
        rewind($file);
        $lines = explode("\n", rtrim(stream_get_contents($file), "\n"));
        return array_slice(array_filter($lines), -self::KEPT);
    }

    /** @param resource $file */
    private function trim($file): void
    {
        $lines = $this->lines($file);
        ftruncate($file, 0);
        rewind($file);
        fwrite($file, implode("\n", $lines) . "\n");
    }
}
