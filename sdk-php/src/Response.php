<?php

declare(strict_types=1);

namespace Gw;

use Gw\Internal\Delivery;
use Gw\Internal\EventStream;
use Gw\Internal\FileChunks;
use Gw\Internal\ResponseHeaders;
use Gw\Internal\Subscription;

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

    /** @internal null: this is all of it */
    public ?Delivery $delivery = null;

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
        $default = $body === '' ? [] : ($body[0] === '<' ? self::HTML : self::TEXT);
        $this->headers = $headers === [] ? $default : ResponseHeaders::of($headers, $default);
        if ($chunks !== null) {
            $this->delivery = new Delivery($chunks, $headFirst);
        }
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
     * A file; 404 when it cannot be read.
     *
     * The gateway sends it, where it may (`sendfile` in gw.yaml), and answers ranges and conditions; the file must stay until the
     * answer has begun. With $delete the file is deleted at once, and sent by this handler.
     *
     * @param array<mixed> $headers
     */
    public static function file(string $path, array $headers = [], bool $delete = false): self
    {
        $file = FileChunks::open($path);
        if ($file === null) {
            return new self(404, self::TEXT, "Not Found\n");
        }

        if ($delete) {
            unlink($path);
        }

        $response = new self(200, ResponseHeaders::default($headers, $file->headers()));
        $response->delivery = new Delivery($file->chunks(), path: $delete ? null : $path);

        return $response;
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
     * Server-sent events: each a Gw\Event, a text (its data), or an array of an event's fields.
     *
     * With an iterable the worker sends what it yields. Without one the client becomes a connection of kind `events`, whose id
     * is that of the request, and the worker is free: Gateway::publish() and its kin reach it through the groups it is let
     * $join, by its $uid or id. $first are events to begin with, such as those a client has missed (Last-Event-ID).
     *
     * @param iterable<string|array<string, mixed>|Event>|null $events
     * @param array<mixed>                                     $headers
     * @param string|list<string>                              $join
     * @param array<string, mixed>                             $session
     * @param iterable<string|array<string, mixed>|Event>      $first
     */
    public static function events(
        ?iterable $events = null,
        array $headers = [],
        string|array $join = [],
        string $uid = '',
        array $session = [],
        iterable $first = [],
    ): self {
        if ($events === null) {
            $response = new self(200, $headers);
            $response->delivery = new Delivery(subscription: new Subscription((array) $join, $uid, $session, $first));

            return $response;
        }
        if ($join !== [] || $uid !== '' || $session !== [] || $first !== []) {
            throw new \InvalidArgumentException('join, uid, session and first are for an event stream without an iterable');
        }

        return new self(200, ResponseHeaders::default($headers, self::EVENTS), '', EventStream::encode($events), true);
    }
}
