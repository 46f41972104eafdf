<?php
// Does not parse.
declare(strict_types=1);

$worker = new Gw\Worker(;
