<?php

declare(strict_types=1);

namespace Gw\Internal;

use Gw\Event;

/** Turns what an iterable of events yields into their text. */
final class EventStream
{
    private const FIELDS = ['data' => 1, 'event' => 1, 'id' => 1, 'retry' => 1, 'comment' => 1];

    /**
     * @param iterable<mixed> $events
     *
     * @return \Generator<string>
     */
    public static function encode(iterable $events): \Generator
    {
        foreach ($events as $event) {
            yield self::event($event)->encode();
        }
    }

    private static function event(mixed $event): Event
    {
        return match (true) {
            $event instanceof Event => $event,
            is_string($event) => new Event($event),
            is_array($event) && array_diff_key($event, self::FIELDS) === [] => self::fromArray($event),
            default => throw new \InvalidArgumentException('an event is a text, a Gw\Event, or an array of data, event, id, retry and comment'),
        };
    }

    /** @param array<string, mixed> $fields */
    private static function fromArray(array $fields): Event
    {
        try {
            return new Event(...$fields);
        } catch (\TypeError $error) {
            throw new \InvalidArgumentException("an event has a field of the wrong type: {$error->getMessage()}", 0, $error);
        }
    }
}
