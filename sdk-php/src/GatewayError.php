<?php

declare(strict_types=1);

namespace Gw;

/** The gateway refused a question of Gw\Gateway. */
final class GatewayError extends \RuntimeException
{
}
