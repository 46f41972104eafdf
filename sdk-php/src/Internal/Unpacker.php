<?php

declare(strict_types=1);

namespace Gw\Internal;

/**
 * Decodes msgpack in plain PHP: strictly, and quickly for flat messages.
 *
 * The cursor is a property, so no method needs a reference. Reads beyond the end yield 0xc1, which msgpack never uses.
 */
final class Unpacker
{
    private string $bytes = '';
    private int $at = 0;
    private int $end = 0;

    /**
     * A frame's payload, from a place on: exactly one array of messages.
     *
     * @return list<list<mixed>>
     */
    public function messages(string $bytes, int $from = 0): array
    {
        $this->open($bytes, $from);
        $messages = [];
        for ($left = $this->arrayHeader(); $left > 0; --$left) {
            $messages[] = $this->message();
        }
        $this->close('bytes behind the batch');

        return $messages;
    }

    /** Exactly one value. */
    public function unpack(string $bytes): mixed
    {
        $this->open($bytes, 0);
        $value = $this->value(Limit::DEPTH);
        $this->close('bytes behind the value');

        return $value;
    }

    private function open(string $bytes, int $from): void
    {
        $this->bytes = $bytes;
        $this->at = $from;
        $this->end = \strlen($bytes);
    }

    private function close(string $complaint): void
    {
        if ($this->at !== $this->end) {
            throw new Violation($complaint, \substr($this->bytes, $this->at));
        }
        $this->bytes = '';
    }

    /**
     * One message. What work messages are made of is read right here: a call for each field would double the cost.
     *
     * @return list<mixed>
     */
    private function message(): array
    {
        $bytes = $this->bytes;
        $end = $this->end;
        $at = $this->at;
        $count = \ord($bytes[$at++] ?? "\xc1") - 0x90;
        if ($count < 1 || $count > 15) {
            $count = $this->arrayHeader() ?: throw new Violation('empty message', $bytes);
            $at = $this->at;
        }
        $message = [];
        do {
            $c = \ord($bytes[$at++] ?? "\xc1");
            if ($c < 0x80) {
                $message[] = $c;
                continue;
            }
            if ($c >= 0xa0 && $c < 0xc0) {
                $length = $c & 0x1f;
            } elseif ($c === 0xc4 && $at < $end) {
                $length = \ord($bytes[$at++]);
            } elseif ($c === 0xc5 && $at + 1 < $end) {
                $length = \ord($bytes[$at]) << 8 | \ord($bytes[$at + 1]);
                $at += 2;
            } elseif ($c === 0xcf && $at + 7 < $end && $bytes[$at] < "\x80") {
                $message[] = \unpack('J', $bytes, $at)[1];
                $at += 8;
                continue;
            } else {
                $this->at = $at - 1;
                $message[] = $this->value(Limit::DEPTH - 1);
                $at = $this->at;
                continue;
            }
            if ($at + $length > $end) {
                $this->cutShort();
            }
            $message[] = \substr($bytes, $at, $length);
            $at += $length;
        } while (--$count > 0);
        $this->at = $at;

        return $message;
    }

    private function arrayHeader(): int
    {
        $c = \ord($this->bytes[$this->at++] ?? "\xc1");
        if ($c >= 0x90 && $c < 0xa0) {
            return $c & 0x0f;
        }
        if ($c !== 0xdc && $c !== 0xdd) {
            throw new Violation('expected an array', \substr($this->bytes, $this->at - 1));
        }

        return $this->count($this->number($c === 0xdc ? 2 : 4));
    }

    private function value(int $depth): mixed
    {
        $c = \ord($this->bytes[$this->at++] ?? "\xc1");

        return match (true) {
            $c < 0x80 => $c,
            $c < 0x90 => $this->map($c & 0x0f, $depth),
            $c < 0xa0 => $this->list($c & 0x0f, $depth),
            $c < 0xc0 => $this->take($c & 0x1f),
            $c >= 0xe0 => $c - 0x100,
            default => $this->long($c, $depth),
        };
    }

    private function long(int $c, int $depth): mixed
    {
        return match ($c) {
            0xc0 => null,
            0xc2 => false,
            0xc3 => true,
            0xc4, 0xd9 => $this->take($this->number(1)),
            0xc5, 0xda => $this->take($this->number(2)),
            0xc6, 0xdb => $this->take($this->number(4)),
            0xca => \unpack('G', $this->take(4))[1],
            0xcb => \unpack('E', $this->take(8))[1],
            0xcc => $this->number(1),
            0xcd => $this->number(2),
            0xce => $this->number(4),
            0xcf => $this->unsigned(),
            0xd0 => $this->signed(1),
            0xd1 => $this->signed(2),
            0xd2 => $this->signed(4),
            0xd3 => $this->number(8),
            0xdc => $this->list($this->count($this->number(2)), $depth),
            0xdd => $this->list($this->count($this->number(4)), $depth),
            0xde => $this->map($this->count($this->number(2)), $depth),
            0xdf => $this->map($this->count($this->number(4)), $depth),
            default => $this->at > $this->end ? $this->cutShort() : throw new Violation('type not allowed on the wire', \substr($this->bytes, $this->at - 1)),
        };
    }

    /** @return list<mixed> */
    private function list(int $count, int $depth): array
    {
        $this->descend($depth);
        $values = [];
        for (; $count > 0; --$count) {
            $values[] = $this->value($depth - 1);
        }

        return $values;
    }

    /** @return array<mixed> */
    private function map(int $count, int $depth): array
    {
        $this->descend($depth);
        $values = [];
        for (; $count > 0; --$count) {
            $key = $this->value($depth - 1);
            if (!\is_string($key) && !\is_int($key)) {
                throw new Violation('key of a map is neither text nor integer', $this->bytes);
            }
            $values[$key] = $this->value($depth - 1);
        }

        return $values;
    }

    private function descend(int $depth): void
    {
        if ($depth === 0) {
            throw new Violation('nested too deeply', $this->bytes);
        }
    }

    /** Refuses a length bomb before anything is allocated. */
    private function count(int $count): int
    {
        return $count <= $this->end - $this->at ? $count : throw new Violation('more elements than bytes', $this->bytes);
    }

    private function take(int $length): string
    {
        if ($this->at + $length > $this->end) {
            $this->cutShort();
        }
        $this->at += $length;

        return \substr($this->bytes, $this->at - $length, $length);
    }

    private function number(int $size): int
    {
        $bytes = $this->take($size);

        return match ($size) {
            1 => \ord($bytes),
            2 => \unpack('n', $bytes)[1],
            4 => \unpack('N', $bytes)[1],
            8 => \unpack('J', $bytes)[1],
        };
    }

    private function signed(int $size): int
    {
        $shift = 64 - 8 * $size;

        return $this->number($size) << $shift >> $shift;
    }

    private function unsigned(): int
    {
        $n = $this->number(8);

        return $n >= 0 ? $n : throw new Violation('integer out of range', $this->bytes);
    }

    private function cutShort(): never
    {
        throw new Violation('message cut short', $this->bytes);
    }
}
