<?php
// The chat room in PHP. chat.py is the same in Python; both work on the group "room" of the gateway,
// so people who came through either of them see each other.
declare(strict_types=1);

use Gw\Connection;
use Gw\Gateway;

require __DIR__ . '/History.php';

const ROOM = 'room';
const LONGEST_NAME = 30;
const LONGEST_TEXT = 2000;

$history = new History(getenv('CHAT_HISTORY') ?: __DIR__ . '/history.jsonl');
$worker = new Gw\Worker();

$worker->onRequest = fn (Gw\Request $request) => $request->path === '/'
    ? Gw\Response::html(file_get_contents(__DIR__ . '/page.html'))
    : new Gw\Response(404, [], 'not found');

$worker->onMessage = function (Connection $connection, string $data) use ($history): void {
    $message = json_decode($data, true);
    match ($message['type'] ?? null) {
        'login' => login($connection, $history, (string) ($message['name'] ?? '')),
        'say' => say($connection, $history, (string) ($message['text'] ?? ''), (string) ($message['id'] ?? '')),
        default => $connection->send(encode(['type' => 'error', 'text' => 'unknown message'])),
    };
};

$worker->onClose = function (Connection $connection, int $code, string $reason): void {
    $name = $connection->session['name'] ?? null;
    if ($name !== null && !Gateway::isOnline($name)) {
        Gateway::publish(ROOM, encode(['type' => 'leave', 'name' => $name, 'via' => 'PHP']));
    }
};

function login(Connection $connection, History $history, string $name): void
{
    $name = trim($name);
    if ($name === '' || characters($name) > LONGEST_NAME) {
        $connection->send(encode(['type' => 'error', 'text' => 'a name has 1 to 30 characters']));
        return;
    }
    $arrives = !Gateway::isOnline($name);
    $connection->session['name'] = $name;
    $connection->bind($name);
    // First into the room, then the history: a message said in between comes twice rather than never,
    // and the page shows each id once.
    $connection->join(ROOM);
    $connection->send(encode(['type' => 'welcome', 'name' => $name, 'via' => 'PHP', 'history' => $history->last()]));
    if ($arrives) {
        Gateway::publish(ROOM, encode(['type' => 'join', 'name' => $name, 'via' => 'PHP']));
    }
}

function say(Connection $connection, History $history, string $text, string $id): void
{
    $name = $connection->session['name'] ?? null;
    if ($name === null || $text === '' || characters($text) > LONGEST_TEXT) {
        $connection->send(encode(['type' => 'error', 'text' => 'log in first, then say 1 to 2000 characters']));
        return;
    }
    $message = ['type' => 'say', 'id' => $id, 'name' => $name, 'via' => 'PHP', 'text' => $text, 'at' => time()];
    $history->append($message);
    Gateway::publish(ROOM, encode($message));
}

/** Characters of a UTF-8 text, without needing mbstring. */
function characters(string $text): int
{
    return (int) preg_match_all('/./us', $text);
}

function encode(array $message): string
{
    return json_encode($message, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE);
}

$worker->run();
