<?php

declare(strict_types=1);

namespace Gw\Internal;

/** What the gateway tells about itself before anything else. */
final class Hello
{
    public const VERSION = 1;

    /** @param array<int, array{string, string}> $listeners name and scheme by lid */
    private function __construct(
        public readonly array $listeners,
        public readonly int $maxFrame,
        public readonly int $streamCredit,
        public readonly bool $debug,
        public readonly SendFolders $sendFolders,
    ) {
    }

    /**
     * @param list<mixed> $message
     *
     * @throws Violation
     */
    public static function read(array $message): self
    {
        if ($message[0] !== Op::HELLO) {
            throw new Violation(sprintf('expected HELLO first, got op 0x%02x', (int) $message[0]));
        }
        Shape::check($message);
        [, $min, $max, $map] = $message;
        if ($min > self::VERSION || $max < self::VERSION) {
            throw new Violation("the gateway speaks versions $min to $max, this SDK speaks version " . self::VERSION);
        }
        $listeners = [];
        foreach ($map['listeners'] ?? [] as [$lid, $name, $scheme]) {
            $listeners[$lid] = [$name, $scheme];
        }

        return new self(
            $listeners,
            min($map['max_frame'] ?? 1 << 20, Limit::FRAME_CAP),
            $map['stream_credit'] ?? Limit::BODY,
            $map['debug'] ?? false,
            new SendFolders($map['sendfile'] ?? [], $map['uid'] ?? null),
        );
    }

    public function lid(string $name): int
    {
        foreach ($this->listeners as $lid => [$known]) {
            if ($known === $name) {
                return $lid;
            }
        }

        throw new \InvalidArgumentException("there is no listener named $name");
    }

    /** The first listener of a scheme. */
    public function firstOf(string $scheme): int
    {
        foreach ($this->listeners as $lid => [, $known]) {
            if ($known === $scheme) {
                return $lid;
            }
        }

        throw new \LogicException("there is no $scheme listener");
    }
}
