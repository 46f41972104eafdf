<?php
// Says what it waits for, and is never ready.
declare(strict_types=1);

fwrite(STDERR, "never_ready: waits for the database\n");
sleep(3600);
