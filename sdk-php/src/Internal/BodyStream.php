<?php

declare(strict_types=1);

namespace Gw\Internal;

/** A request's body in its order, wherever it is: piece by piece, or so many bytes at a time. */
final class BodyStream
{
    public bool $begun = false;

    private string $held = '';
    private bool $pulled = false;

    /** @param \Generator<string> $pieces none of them empty */
    public function __construct(private readonly \Generator $pieces)
    {
    }

    /**
     * @param list<mixed> $message REQ
     */
    public static function of(array $message, ?Upload $upload): self
    {
        return new self(match (true) {
            $upload !== null => self::fromClient($upload),
            ($message[2] & 2) !== 0 => self::fromFile($message[9]),
            default => self::fromText($message[9]),
        });
    }

    /** @return \Generator<string> */
    public function pieces(): \Generator
    {
        while (($piece = $this->next()) !== '') {
            yield $piece;
        }
    }

    /** Up to $bytes of them, fewer only at the end; all that is left when negative. */
    public function read(int $bytes): string
    {
        while ($bytes < 0 || \strlen($this->held) < $bytes) {
            $piece = $this->pull();
            if ($piece === '') {
                break;
            }
            $this->held .= $piece;
        }
        $this->begun = true;
        $data = $bytes < 0 ? $this->held : substr($this->held, 0, $bytes);
        $this->held = substr($this->held, \strlen($data));

        return $data;
    }

    private function next(): string
    {
        $this->begun = true;
        if ($this->held === '') {
            return $this->pull();
        }
        $piece = $this->held;
        $this->held = '';

        return $piece;
    }

    private function pull(): string
    {
        if ($this->pulled) {
            $this->pieces->next(); // not before: it may wait for the client
        }
        $this->pulled = true;

        return $this->pieces->valid() ? $this->pieces->current() : '';
    }

    /** @return \Generator<string> */
    private static function fromClient(Upload $upload): \Generator
    {
        while (($piece = $upload->next()) !== '') {
            yield $piece;
        }
    }

    /** @return \Generator<string> */
    private static function fromFile(string $path): \Generator
    {
        $file = @fopen($path, 'rb') ?: throw new \RuntimeException("cannot read the body in $path");
        while (($piece = (string) fread($file, Limit::CHUNK)) !== '') {
            yield $piece;
        }
        fclose($file);
    }

    /** @return \Generator<string> */
    private static function fromText(string $text): \Generator
    {
        if ($text !== '') {
            yield $text;
        }
    }
}
