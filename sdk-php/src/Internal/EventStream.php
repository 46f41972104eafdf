<?php

declare(strict_types=1);

namespace Gw\Internal;

/**
 * Encodes server-sent events.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 */
final class EventStream
{
    /**
     * @param iterable<mixed> $events
     *
     * @return \Generator<string>
     */
    public static function encode(iterable $events): \Generator
    {
        foreach ($events as $event) {
            yield self::event(is_string($event) ? ['data' => $event] : $event);
        }
    }

    private static function event(mixed $event): string
    {
        if (!is_array($event) || array_diff_key($event, ['data' => 1, 'event' => 1, 'id' => 1, 'retry' => 1]) !== []) {
            throw new \InvalidArgumentException('an event is a text or an array of data, event, id and retry');
        }
        $lines = '';
        foreach (['event', 'id', 'retry'] as $field) {
            if (isset($event[$field])) {
                $lines .= $field . ': ' . self::line($field, $event[$field]) . "\n";
            }
        }

        return $lines . self::data($event['data'] ?? null) . "\n";
    }

    /** One line each; all three line ends of the standard count, or a CR in a message could forge fields. */
    private static function data(mixed $data): string
    {
        if ($data === null) {
            return '';
        }
        $text = is_string($data) ? $data : json_encode($data, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);

        return 'data: ' . implode("\ndata: ", preg_split('/\r\n|\r|\n/', $text)) . "\n";
    }

    private static function line(string $field, mixed $value): string
    {
        $valid = match ($field) {
            'retry' => is_int($value) && $value >= 0,
            default => (is_string($value) || is_int($value)) && strpbrk((string) $value, "\r\n\0") === false,
        };

        return $valid ? (string) $value : throw new \InvalidArgumentException("$field of an event: " . ($field === 'retry' ? 'not milliseconds' : 'not a text of one line'));
    }
}
