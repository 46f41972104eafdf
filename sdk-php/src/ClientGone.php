<?php

declare(strict_types=1);

namespace Gw;

/** The client left before its request was complete. Need not be caught: nobody waits for an answer. */
final class ClientGone extends \RuntimeException
{
}
