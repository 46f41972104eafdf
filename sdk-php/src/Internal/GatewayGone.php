<?php

declare(strict_types=1);

namespace Gw\Internal;

/** End of file on the input or a broken output pipe: the gateway has left and so do we. */
final class GatewayGone extends \Error
{
}
