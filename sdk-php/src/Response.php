<?php

declare(strict_types=1);

namespace Gw;

use Gw\Internal\Delivery;
use Gw\Internal\EventStream;
use Gw\Internal\FileChunks;
use Gw\Internal\Outbox;
use Gw\Internal\ResponseHeaders;
use Gw\Internal\Subscription;

/**
 * An answer to a request. It does not change.
 *
 * Headers: name => value, name => list of values, or a list of [name, value] pairs. The gateway adds content-length, date
 * and what else the connection needs. A body without a content-type gets one: text/html when it begins with "<", else text/plain.
 *
 * @property-read int          $status
 * @property-read array<mixed> $headers as they are sent
 * @property-read string       $body
 */
final class Response
{
    private const JSON = ['content-type' => 'application/json'];
    private const HTML = ['content-type' => 'text/html; charset=utf-8'];
    private const TEXT = ['content-type' => 'text/plain; charset=utf-8'];
    private const BYTES = ['content-type' => 'application/octet-stream'];
    private const EVENTS = ['content-type' => 'text/event-stream', 'cache-control' => 'no-cache'];

    // Written only where they differ from this: readonly ones, which cannot have a value from the beginning, cost 0.04 µs an answer.
    private int $status = 200;

    /** @var array<mixed> */
    private array $headers = [];
    private string $body = '';

    /** @internal null: this is all of it */
    public ?Delivery $delivery = null;

    /**
     * @param array<string, int|string|list<string>>|list<array{string, string}> $headers
     * @param iterable<string>|null                                              $chunks
     */
    public function __construct(
        int $status = 200,
        array $headers = [],
        string $body = '',
        ?iterable $chunks = null,
        bool $headFirst = false,
    ) {
        if ($status !== 200) {
            if ($status < 200 || $status > 599) {
                throw new \InvalidArgumentException("status $status is not one of an answer (200 to 599)");
            }
            $this->status = $status;
        }
        if ($body !== '') {
            $this->body = $body;
            $type = $body[0] === '<' ? self::HTML : self::TEXT;
            $this->headers = $headers === [] ? $type : ResponseHeaders::of($headers, $type);
        } elseif ($headers !== []) {
            $this->headers = ResponseHeaders::of($headers, []);
        }
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

    /** @internal Sends it, if it is a head and a body of a message's length; else it is $delivery's, or a stream's. */
    public function answer(int $sid, Outbox $outbox): bool
    {
        return $this->delivery === null && $outbox->respond($sid, $this->status, $this->headers, $this->body);
    }

    public function __get(string $name): mixed
    {
        return match ($name) {
            'status' => $this->status,
            'headers' => $this->headers,
            'body' => $this->body,
            default => throw new \LogicException("Gw\\Response has no property \$$name"),
        };
    }

    public function __isset(string $name): bool
    {
        return \in_array($name, ['status', 'headers', 'body'], true);
    }

    public function __set(string $name, mixed $value): never
    {
        throw new \LogicException("Gw\\Response::\$$name cannot be written");
    }
}
