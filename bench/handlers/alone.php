<?php
// Prints how many microseconds summary() takes by itself: alone.php ORDER_FILE.
declare(strict_types=1);

require __DIR__ . '/summary.php';

$json = file_get_contents($argv[1]);
$best = INF;
for ($round = 0; $round < 5; $round++) {
    $begun = hrtime(true);
    for ($i = 0; $i < 5000; $i++) {
        summary($json, 'web1', 'v000001');
    }
    $best = min($best, (hrtime(true) - $begun) / 5000 / 1000);
}
echo $best;
