<?php

declare(strict_types=1);

namespace Gw\Internal;

/** An event stream that goes on without its worker: what its client begins with. */
final class Subscription
{
    private readonly string $first;
    private readonly string $session;

    /** @var list<string> */
    private readonly array $groups;

    /**
     * @param list<string>         $groups
     * @param array<string, mixed> $session
     * @param iterable<mixed>      $first   events
     */
    public function __construct(array $groups, private readonly string $uid, array $session, iterable $first)
    {
        $this->groups = array_map(Name::group(...), array_values($groups));
        $this->session = $session === [] ? '' : Session::encode($session);
        $this->first = implode('', iterator_to_array(EventStream::encode($first), false));
        Name::text($uid, 'uid');
    }

    /**
     * @param array<mixed> $headers
     *
     * @return list<mixed> EVENTS
     */
    public function message(int $sid, int $status, array $headers): array
    {
        $plain = [Op::EVENTS, $sid, $status, $headers, $this->first];

        return $this->groups === [] && $this->uid === '' && $this->session === '' ? $plain : [...$plain, $this->session, $this->uid, $this->groups];
    }
}
