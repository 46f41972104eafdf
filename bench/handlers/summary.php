<?php
// Prices an order; knows no framework, so every PHP peer calls the same function.
declare(strict_types=1);

function summary(string $json, string $channel, string $visit): string
{
    $order = json_decode($json, true, 8, JSON_THROW_ON_ERROR);
    $lines = [];
    $count = $net = 0;
    foreach ($order['lines'] as $line) {
        $total = $line['quantity'] * $line['price'];
        $lines[] = ['sku' => $line['sku'], 'quantity' => $line['quantity'], 'total' => $total, 'vat' => intdiv($total * 19, 100)];
        $count += $line['quantity'];
        $net += $total;
    }
    $vat = intdiv($net * 19, 100);
    return json_encode([
        'order' => $order['order'],
        'status' => 'accepted',
        'customer' => $order['customer'],
        'channel' => $channel,
        'visit' => $visit,
        'currency' => $order['currency'],
        'lines' => $lines,
        'count' => $count,
        'net' => $net,
        'vat' => $vat,
        'gross' => $net + $vat,
    ], JSON_THROW_ON_ERROR);
}
