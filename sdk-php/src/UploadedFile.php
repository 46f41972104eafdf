<?php

declare(strict_types=1);

namespace Gw;

use Gw\Internal\Body;

/** A file of a multipart form. It lives as long as its request: read it or move it before answering. */
final class UploadedFile
{
    /** Name of the form's field, without brackets. */
    public readonly string $field;

    /** The client's name for it, without folders. Not to be trusted. */
    public readonly string $name;

    /**
     * @internal
     *
     * @param string $type media type as the client says
     * @param int    $size in bytes
     */
    public function __construct(
        string $field,
        string $name,
        public readonly string $type,
        private readonly Body $body,
        private readonly int $offset,
        public readonly int $size,
    ) {
        $this->field = preg_replace('/\[.*\z/s', '', $field);
        $this->name = preg_replace('#\A.*[/\\\\]#s', '', $name);
    }

    public function contents(): string
    {
        return $this->body->slice($this->offset, $this->size);
    }

    /** @throws \RuntimeException when $path cannot be written */
    public function moveTo(string $path): void
    {
        $this->body->copy($this->offset, $this->size, $path);
    }
}
