<?php

declare(strict_types=1);

namespace Gw\Internal;

/** The gateway broke the protocol. An Error, so that a handler's `catch (\Exception)` does not swallow it. */
final class Violation extends \Error
{
    public const EXIT_CODE = 70;

    /** @param string $bytes what was read, for the dump */
    public function __construct(string $reason, string $bytes = '')
    {
        parent::__construct($bytes === '' ? $reason : $reason . ': ' . self::dump($bytes));
    }

    private static function dump(string $bytes): string
    {
        $head = substr($bytes, 0, 32);

        return bin2hex($head) . ' "' . preg_replace('/[^\x20-\x7e]/', '.', $head) . '"' . (strlen($bytes) > 32 ? ' …' : '');
    }
}
