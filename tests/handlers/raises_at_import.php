<?php
// Fails while it loads.
declare(strict_types=1);

throw new RuntimeException('raises_at_import: no such table');
