<?php

declare(strict_types=1);

namespace Gw\Internal;

use Gw\Response;

/**
 * Sends streamed answers. Each item leaves when it was produced, because nobody knows how long the next one takes; a
 * generator whose client left is dropped, so that its finally blocks run.
 */
final class Stream
{
    private readonly Outbox $outbox;

    /** The answer whose RES_START is sent and whose RES_END is not. */
    private ?int $open = null;

    public function __construct(private readonly Link $link, private readonly int $credit)
    {
        $this->outbox = $link->outbox;
    }

    public function send(int $sid, Response $response, bool $withBody): void
    {
        $this->link->openStream($sid, $this->credit);
        try {
            if ($response->delivery?->headFirst || !$withBody) {
                $this->start($sid, $response);
            }
            if (!$withBody || $this->items($sid, $response)) {
                $this->start($sid, $response);
                $this->outbox->add([Op::RES_END, $sid, '']);
            }
            $this->open = null;
        } finally {
            $this->link->closeStream();
        }
    }

    /** Whether all of them went out. */
    private function items(int $sid, Response $response): bool
    {
        foreach ($response->delivery?->chunks ?? str_split($response->body, Limit::CHUNK) as $item) {
            $this->start($sid, $response);
            if (!\is_string($item)) {
                throw new \TypeError('a streamed answer consists of strings, got ' . \get_debug_type($item));
            }
            if (!$this->chunks($sid, $item)) {
                return false;
            }
        }

        return true;
    }

    /** Sends the head, once: with the first item, so that an exception before it still gets a 500. */
    private function start(int $sid, Response $response): void
    {
        if ($this->open === null) {
            $this->open = $sid;
            $length = $response->delivery?->chunks === null ? ['content-length' => (string) \strlen($response->body)] : [];
            $headers = ResponseHeaders::default($response->headers, $length);
            $this->outbox->add([Op::RES_START, $sid, $response->status, $headers, '']);
        }
    }

    private function chunks(int $sid, string $item): bool
    {
        $size = min(Limit::CHUNK, $this->credit);
        foreach ($item === '' ? [] : str_split($item, $size) as $chunk) {
            if (!$this->link->spend(\strlen($chunk))) {
                return false;
            }
            $this->outbox->add([Op::RES_CHUNK, $sid, $chunk]);
        }
        $this->outbox->flush();

        return $this->link->streaming();
    }

    /** Breaks an answer off where the client notices; false when none of $sid has begun. */
    public function cut(int $sid): bool
    {
        if ($this->open !== $sid) {
            return false;
        }
        $this->open = null;
        $this->outbox->add([Op::RES_END, $sid, null]);

        return true;
    }
}
