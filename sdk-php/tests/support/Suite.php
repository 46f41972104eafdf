<?php

declare(strict_types=1);

/** Runs tests one by one, prints their names and counts. */
final class Suite
{
    private int $passed = 0;
    private int $failed = 0;

    public function __construct(private readonly string $only)
    {
    }

    public function begin(string $title): void
    {
        echo "\n$title\n";
    }

    public function test(string $behaviour, callable $body): void
    {
        if ($this->only !== '' && !str_contains($behaviour, $this->only)) {
            return;
        }
        // Tests look into what was logged; nobody needs to see it.
        Gw\Internal\Log::$target = tempnam(sys_get_temp_dir(), 'gw-log');
        try {
            $body();
            ++$this->passed;
            echo "  ok    $behaviour\n";
        } catch (Throwable $thrown) {
            ++$this->failed;
            echo "  FAIL  $behaviour\n        ", str_replace("\n", "\n        ", (string) $thrown), "\n";
        } finally {
            unlink(Gw\Internal\Log::$target);
        }
    }

    public function end(): int
    {
        echo "\n{$this->passed} passed, {$this->failed} failed\n";

        return $this->failed === 0 ? 0 : 1;
    }
}
