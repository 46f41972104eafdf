<?php
// Groups and user ids by command: join, leave, publish, bind, whisper, count, online, broadcast.
declare(strict_types=1);

$worker = new Gw\Worker();
$worker->onMessage = function (Gw\Connection $connection, string $data): void {
    [$verb, $name, $text] = array_pad(explode(' ', $data, 3), 3, '');
    match ($verb) {
        'join' => $connection->join($name),
        'leave' => $connection->leave($name),
        'publish' => Gw\Gateway::publish($name, $text),
        'others' => Gw\Gateway::publish($name, $text, except: [$connection->id]),
        'bind' => $connection->bind($name),
        'whisper' => Gw\Gateway::sendToUid($name, $text),
        'broadcast' => Gw\Gateway::broadcast($name),
        default => null,
    };
    $connection->send(match ($verb) {
        'count' => 'count ' . Gw\Gateway::count($name),
        'online' => 'online ' . json_encode(Gw\Gateway::isOnline($name)),
        default => "done $verb",
    });
};
$worker->onRequest = function (Gw\Request $request): string {
    Gw\Gateway::publish($request->query('group', ''), $request->body());
    return 'published';
};
$worker->run();
