<?php

declare(strict_types=1);

namespace Gw;

use Gw\Internal\EventStream;
use Gw\Internal\FileChunks;
use Gw\Internal\ResponseHeaders;

/**
 * An answer to a request.
 *
 * Headers: name => value, name => list of values, or a list of [name, value] pairs. The gateway adds content-length, date
 * and what else the connection needs. A body without a content-type gets one: text/html when it begins with "<", else text/plain.
 */
final class Response
{
    private const JSON = ['content-type' => 'application/json'];
    private const HTML = ['content-type' => 'text/html; charset=utf-8'];
    private const TEXT = ['content-type' => 'text/plain; charset=utf-8'];
    private const BYTES = ['content-type' => 'application/octet-stream'];
    private const EVENTS = ['content-type' => 'text/event-stream', 'cache-control' => 'no-cache'];

    /** @var array<mixed> */
    public readonly array $headers;

    /** @internal @var iterable<string>|null a streamed body */
    public readonly ?iterable $chunks;

    /** @internal whether the head goes out before the first chunk is there */
    public readonly bool $headFirst;

    /**
     * @param array<string, int|string|list<string>>|list<array{string, string}> $headers
     * @param iterable<string>|null                                              $chunks
     */
    public function __construct(
        public readonly int $status = 200,
        array $headers = [],
        public readonly string $body = '',
        ?iterable $chunks = null,
        bool $headFirst = false,
    ) {
        if ($status < 200 || $status > 599) {
            throw new \InvalidArgumentException("status $status is not one of an answer (200 to 599)");
        }
        if ($body !== '' && !isset($headers['content-type']) && !isset($headers['Content-Type'])) {
            $headers = ResponseHeaders::default($headers, $body[0] === '<' ? self::HTML : self::TEXT);
        }
        $this->headers = $headers === [] ? [] : ResponseHeaders::clean($headers);
        $this->chunks = $chunks;
        $this->headFirst = $headFirst;
    }

    /** @param array<mixed> $headers */
    public static function json(mixed $data, int $status = 200, array $headers = []): self
    {
        $json = json_encode($data, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION);

        return new self($status, ResponseHeaders::default($headers, self::JSON), $json);
    }

    /** @param array<mixed> $headers */
    public static function html(string $html, int $status = 200, array $headers = []): self
    {
        return new self($status, ResponseHeaders::default($headers, self::HTML), $html);
    }

    public static function redirect(string $location, int $status = 302): self
    {
        return new self($status, ['location' => $location]);
    }

    /**
     * A file, read piece by piece while it is sent; 404 when it cannot be read.
     *
     * @param array<mixed> $headers
     */
    public static function file(string $path, array $headers = []): self
    {
        $file = FileChunks::open($path);
        if ($file === null) {
            return new self(404, self::TEXT, "Not Found\n");
        }

        return new self(200, ResponseHeaders::default($headers, $file->headers()), '', $file->chunks());
    }

    /**
     * A body in pieces, each sent when it is yielded. A generator is dropped when the client leaves.
     *
     * @param iterable<string> $chunks
     * @param array<mixed>     $headers
     */
    public static function stream(iterable $chunks, int $status = 200, array $headers = []): self
    {
        return new self($status, ResponseHeaders::default($headers, self::BYTES), '', $chunks);
    }

    /**
     * Server-sent events: each item a text, or an array with `data` (text, or anything JSON can say), `event`, `id`, `retry`.
     *
     * @param iterable<string|array{data?: mixed, event?: string, id?: int|string, retry?: int}> $events
     * @param array<mixed>                                                                       $headers
     */
    public static function events(iterable $events, array $headers = []): self
    {
        return new self(200, ResponseHeaders::default($headers, self::EVENTS), '', EventStream::encode($events), true);
    }
}
