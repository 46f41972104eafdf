<?php

declare(strict_types=1);

namespace Gw;

/**
 * A server-sent event: yield it in Response::events(), or send it to connections. A WebSocket and its kin get the data alone.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 */
final class Event
{
    private readonly string $block;

    /**
     * @param mixed    $data    a text, or anything JSON can say
     * @param int|null $retry   milliseconds until the browser connects again
     * @param ?string  $comment alone it is no event, but keeps the stream alive
     *
     * @throws \InvalidArgumentException
     */
    public function __construct(mixed $data = null, ?string $event = null, int|string|null $id = null, ?int $retry = null, ?string $comment = null)
    {
        $block = $comment === null ? '' : self::lines(': ', $comment);
        foreach (['event' => $event, 'id' => $id, 'retry' => $retry] as $field => $value) {
            if ($value !== null) {
                $block .= "$field: " . self::line($field, (string) $value) . "\n";
            }
        }
        if ($data !== null) {
            $block .= self::lines('data: ', is_string($data) ? $data : json_encode($data, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE));
        }
        $this->block = $block !== '' ? "$block\n" : throw new \InvalidArgumentException('an event with nothing in it: give it data, or a comment');
    }

    /** The event as the stream has it. */
    public function encode(): string
    {
        return $this->block;
    }

    /** One line each; all three line ends of the standard count, or a CR in a message could forge fields. */
    private static function lines(string $prefix, string $text): string
    {
        return $prefix . implode("\n$prefix", preg_split('/\r\n|\r|\n/', $text)) . "\n";
    }

    private static function line(string $field, string $value): string
    {
        $valid = $field === 'retry' ? $value[0] !== '-' : strpbrk($value, "\r\n\0") === false;

        return $valid ? $value : throw new \InvalidArgumentException("$field of an event: " . ($field === 'retry' ? 'not milliseconds' : 'not a text of one line'));
    }
}
