<?php

declare(strict_types=1);

namespace Gw\Internal;

/** A file on its way to a client, a chunk in memory at a time. */
final class FileChunks
{
    private const TYPES = [
        'aac' => 'audio/aac', 'avif' => 'image/avif', 'bin' => 'application/octet-stream', 'css' => 'text/css; charset=utf-8',
        'csv' => 'text/csv; charset=utf-8', 'gif' => 'image/gif', 'gz' => 'application/gzip', 'htm' => 'text/html; charset=utf-8',
        'html' => 'text/html; charset=utf-8', 'ico' => 'image/vnd.microsoft.icon', 'ics' => 'text/calendar; charset=utf-8',
        'jpeg' => 'image/jpeg', 'jpg' => 'image/jpeg', 'js' => 'text/javascript; charset=utf-8', 'json' => 'application/json',
        'md' => 'text/markdown; charset=utf-8', 'mjs' => 'text/javascript; charset=utf-8', 'mp3' => 'audio/mpeg', 'mp4' => 'video/mp4',
        'ogg' => 'audio/ogg', 'otf' => 'font/otf', 'pdf' => 'application/pdf', 'png' => 'image/png', 'svg' => 'image/svg+xml',
        'tar' => 'application/x-tar', 'ttf' => 'font/ttf', 'txt' => 'text/plain; charset=utf-8', 'wasm' => 'application/wasm',
        'wav' => 'audio/wav', 'webm' => 'video/webm', 'webmanifest' => 'application/manifest+json', 'webp' => 'image/webp',
        'woff' => 'font/woff', 'woff2' => 'font/woff2', 'xml' => 'application/xml', 'zip' => 'application/zip',
    ];

    /** @param resource $file */
    private function __construct(private $file, private readonly int $size, private readonly string $type)
    {
    }

    /** Opened at once, so that what is announced and what is sent are the same file. */
    public static function open(string $path): ?self
    {
        $file = str_contains($path, "\0") || !is_file($path) ? false : @fopen($path, 'rb');
        if ($file === false) {
            return null;
        }
        $extension = strtolower(pathinfo($path, PATHINFO_EXTENSION));

        return new self($file, fstat($file)['size'], self::TYPES[$extension] ?? 'application/octet-stream');
    }

    /** @return array<string, string> */
    public function headers(): array
    {
        return ['content-type' => $this->type, 'content-length' => (string) $this->size];
    }

    /** @return \Generator<string> exactly as many bytes as announced, or an exception */
    public function chunks(): \Generator
    {
        for ($left = $this->size; $left > 0; $left -= strlen($chunk)) {
            $chunk = fread($this->file, min($left, Limit::CHUNK));
            if ($chunk === false || $chunk === '') {
                throw new \RuntimeException("the file became shorter while it was sent, $left bytes are missing");
            }
            yield $chunk;
        }
    }
}
