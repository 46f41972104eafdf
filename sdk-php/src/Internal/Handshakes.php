<?php

declare(strict_types=1);

namespace Gw\Internal;

use Gw\Accept;
use Gw\Response;

/** What onHandshake returns, as a message. */
final class Handshakes
{
    /** @return list<mixed>|Response ACCEPT, or the refusal */
    public static function answer(int $sid, mixed $answer): array|Response
    {
        return match (true) {
            $answer === null, $answer === true => [Op::ACCEPT, $sid, null, []],
            $answer === false => new Response(403, [], "Forbidden\n"),
            $answer instanceof Accept => [
                Op::ACCEPT, $sid, $answer->subprotocol, $answer->headers,
                $answer->session === [] ? '' : Session::encode($answer->session), $answer->uid, array_values($answer->groups),
            ],
            $answer instanceof Response => $answer,
            default => throw new \TypeError('onHandshake returned ' . get_debug_type($answer) . '; expected true, null or Gw\Accept to let the client in, false or Gw\Response to refuse it'),
        };
    }
}
