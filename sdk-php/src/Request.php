<?php

declare(strict_types=1);

namespace Gw;

use Gw\Internal\BodyStream;
use Gw\Internal\FileBody;
use Gw\Internal\HeaderBlock;
use Gw\Internal\Multipart;
use Gw\Internal\Query;
use Gw\Internal\Requests;
use Gw\Internal\StringBody;

/**
 * A request. Wraps the message as it came; everything is taken apart when it is asked for.
 *
 * @property-read int    $id     of this exchange, as in the log
 * @property-read string $method
 * @property-read string $path   percent-decoded
 * @property-read string $target path and query as received
 * @property-read string $peer   address and port of the client
 * @property-read string $scheme http or https
 * @property-read string $protocol HTTP/1.0, HTTP/1.1 or HTTP/2
 * @property-read string $host   the Host header
 * @property-read bool   $disconnected the client is gone: nobody waits for the answer any more
 */
final class Request
{
    /** @internal */
    public const BODY_FOLLOWS = 1;

    /** @internal */
    public const WEBSOCKET = 16;

    private const BODY_FILE = 2;
    private const TLS = 4;
    private const HTTP_1_0 = 8;
    private const HTTP_2 = 32;

    /** @var list<mixed> REQ. Without a type, for which a check would cost 0.01 µs a request, and so is the next. */
    private $message;

    /** @var Requests|null */
    private $requests;

    /** @var array<mixed>|null */
    private ?array $query = null;

    /** @var array<string, string>|null */
    private ?array $cookies = null;

    /** @var array<mixed>|null */
    private ?array $form = null;

    /** @var list<UploadedFile> */
    private array $files = [];

    private ?BodyStream $stream = null;
    private ?string $body = null;

    /** @var resource|null the file a form with uploads was put into; it goes with the request */
    private $spool = null;

    /**
     * @internal
     *
     * @param list<mixed> $message REQ. Seven promoted properties instead cost 0.13 µs a request.
     */
    public function __construct(array $message, ?Requests $requests = null)
    {
        $this->message = $message;
        $this->requests = $requests;
    }

    public function __get(string $name): bool|int|string
    {
        return match ($name) {
            'method' => $this->message[5],
            'path' => \rawurldecode($this->message[6]),
            'target' => $this->message[7] === '' ? $this->message[6] : $this->message[6] . '?' . $this->message[7],
            'id' => $this->message[1],
            'peer' => $this->message[4],
            'scheme' => ($this->message[2] & self::TLS) === 0 ? 'http' : 'https',
            'protocol' => match (true) {
                ($this->message[2] & self::HTTP_2) !== 0 => 'HTTP/2',
                ($this->message[2] & self::HTTP_1_0) !== 0 => 'HTTP/1.0',
                default => 'HTTP/1.1',
            },
            'host' => $this->header('host', ''),
            'disconnected' => $this->requests?->isGone($this->message[1]) ?? false,
            default => throw new \LogicException("Gw\\Request has no property \$$name"),
        };
    }

    public function __isset(string $name): bool
    {
        return \in_array($name, ['id', 'method', 'path', 'target', 'peer', 'scheme', 'protocol', 'host', 'disconnected'], true);
    }

    public function __set(string $name, mixed $value): never
    {
        throw new \LogicException("Gw\\Request::\$$name cannot be written");
    }

    /** A field by its name in any case; repeated ones joined by commas. */
    public function header(string $name, ?string $default = null): ?string
    {
        return HeaderBlock::find($this->message[8], $name) ?? $default;
    }

    /** @return array<string, string> by lower-case name */
    public function headers(): array
    {
        return HeaderBlock::parse($this->message[8]);
    }

    /** @return list<string> subprotocols that a WebSocket client offers, in its order */
    public function subprotocols(): array
    {
        return preg_split('/[ \t]*,[ \t]*/', $this->header('sec-websocket-protocol', ''), -1, PREG_SPLIT_NO_EMPTY);
    }

    /** A parameter of the query, or all of them; `a[]=1&a[]=2` is an array under `a`. */
    public function query(?string $name = null, mixed $default = null): mixed
    {
        return Query::pick($this->query ??= Query::parse($this->message[7]), $name, $default);
    }

    public function cookie(string $name, ?string $default = null): ?string
    {
        return $this->cookies()[$name] ?? $default;
    }

    /** @return array<string, string> */
    public function cookies(): array
    {
        return $this->cookies ??= Query::cookies($this->header('cookie', ''));
    }

    /** A field of an urlencoded or multipart form, or all of them. Empty for any other body. */
    public function form(?string $name = null, mixed $default = null): mixed
    {
        return Query::pick($this->form ?? $this->parseForm(), $name, $default);
    }

    /** The first file of a multipart form's field. */
    public function file(string $field): ?UploadedFile
    {
        foreach ($this->files() as $file) {
            if ($file->field === $field) {
                return $file;
            }
        }

        return null;
    }

    /** @return list<UploadedFile> all files of a multipart form */
    public function files(): array
    {
        $this->form ?? $this->parseForm();

        return $this->files;
    }

    /**
     * The body as JSON, objects as arrays.
     *
     * @throws \JsonException
     */
    public function json(): mixed
    {
        return \json_decode($this->body(), true, 512, JSON_THROW_ON_ERROR);
    }

    /** The whole body, waited for if it is still on its way. */
    public function body(): string
    {
        if (($this->message[2] & self::BODY_FOLLOWS) !== 0) {
            return $this->body ??= $this->unread()->read(-1);
        }
        $file = $this->bodyFile();
        if ($file === null) {
            return $this->message[9];
        }
        $body = @file_get_contents($file);

        return $body !== false ? $body : throw new \RuntimeException("cannot read the body in $file");
    }

    /** The file that holds a long body, until the request is answered; null when the body came with the request. */
    public function bodyFile(): ?string
    {
        return ($this->message[2] & self::BODY_FILE) === 0 ? null : $this->message[9];
    }

    /**
     * The body piece by piece, as it comes. With `$worker->streamBodies` a long one is not kept anywhere: the client sends
     * as fast as it is read here.
     *
     * @return iterable<string>
     *
     * @throws ClientGone when the client leaves in the middle
     */
    public function stream(): iterable
    {
        return $this->open()->pieces();
    }

    /**
     * Up to $bytes of the body, fewer only at its end, '' behind it; without a number all that is left.
     *
     * @throws ClientGone
     */
    public function read(int $bytes = -1): string
    {
        return $this->open()->read($bytes);
    }

    private function open(): BodyStream
    {
        $follows = ($this->message[2] & self::BODY_FOLLOWS) !== 0;

        return $this->stream ??= BodyStream::of($this->message, $follows ? $this->requests?->upload($this->message[1]) : null);
    }

    private function unread(): BodyStream
    {
        $stream = $this->open();

        return $stream->begun ? throw new \LogicException('a part of the body has been read by stream() or read() already') : $stream;
    }

    /** The path of a file with the body: the gateway's, or one of ours. */
    private function formFile(): ?string
    {
        if (($this->message[2] & self::BODY_FOLLOWS) === 0) {
            return $this->bodyFile();
        }
        if ($this->spool === null) {
            $this->spool = tmpfile() ?: throw new \RuntimeException('cannot create a file for a form in ' . sys_get_temp_dir());
            foreach ($this->unread()->pieces() as $piece) {
                fwrite($this->spool, $piece) === \strlen($piece) || throw new \RuntimeException('cannot write a form to ' . sys_get_temp_dir());
            }
            fflush($this->spool);
        }

        return stream_get_meta_data($this->spool)['uri'];
    }

    /** @return array<mixed> */
    private function parseForm(): array
    {
        [$type, $parameters] = HeaderBlock::parameters($this->header('content-type', ''));
        if ($type === 'application/x-www-form-urlencoded') {
            return $this->form = Query::parse($this->body());
        }
        if ($type !== 'multipart/form-data' || ($parameters['boundary'] ?? '') === '') {
            return $this->form = [];
        }
        $file = $this->formFile();
        $parts = new Multipart($file === null ? new StringBody($this->message[9]) : new FileBody($file), $parameters['boundary']);
        $this->files = $parts->files;

        return $this->form = $parts->form();
    }
}
