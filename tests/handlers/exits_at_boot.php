<?php
// Says why on stderr and leaves before it is ready.
declare(strict_types=1);

fwrite(STDERR, "exits_at_boot: the database does not answer\n");
exit(3);
