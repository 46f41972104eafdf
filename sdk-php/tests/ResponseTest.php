<?php

declare(strict_types=1);

use Gw\Internal\ResponseHeaders;
use Gw\Response;

return static function (Suite $suite): void {
    $suite->test('is made of status, headers and body', static function (): void {
        $r = new Response(201, ['x-a' => 'b', 'n' => 5, 'set-cookie' => ['a=1', 'b=2']], 'body');
        Check::same([201, ['x-a' => 'b', 'n' => '5', 'set-cookie' => ['a=1', 'b=2'], 'content-type' => 'text/plain; charset=utf-8'], 'body'], [$r->status, $r->headers, $r->body]);
        Check::same([['a', 'b'], ['a', '1']], (new Response(200, [['a', 'b'], ['a', 1]]))->headers);
        Check::same(['content-type' => 'text/html; charset=utf-8'], (new Response(200, [], '<p>'))->headers);
        Check::same(['Content-Type' => 'image/svg+xml'], (new Response(200, ['Content-Type' => 'image/svg+xml'], '<svg/>'))->headers);
        Check::same([200, [], ''], [(new Response())->status, (new Response())->headers, (new Response())->body]);
    });
    $suite->test('refuses what would split the answer', static function (): void {
        foreach ([['a' => "b\r\nset-cookie: x"], ['a' => "b\0"], ["a\nb" => 'c'], ['' => 'c'], ['a b' => 'c'], ['a' => null], ['a' => ["x\n"]], [['a', "b\n"]], [['a']], ['x'], [5 => 'x'], ['a' => [['b']]]] as $headers) {
            Check::throws(InvalidArgumentException::class, static fn () => new Response(200, $headers));
        }
        Check::throws(InvalidArgumentException::class, static fn () => Response::redirect("/\r\nx: y"));
        foreach ([0, 101, 600] as $status) {
            Check::throws(InvalidArgumentException::class, static fn () => new Response($status), "status $status");
        }
    });
    $suite->test('gives JSON, HTML and redirects their headers', static function (): void {
        $json = Response::json(['a' => 'ä/b', 'f' => 1.0], 201);
        Check::same([201, ['content-type' => 'application/json'], '{"a":"ä/b","f":1.0}'], [$json->status, $json->headers, $json->body]);
        Check::same(['content-type' => 'text/html; charset=utf-8'], Response::html('<p>')->headers);
        Check::same([302, ['location' => '/x']], [Response::redirect('/x')->status, Response::redirect('/x')->headers]);
        Check::same(308, Response::redirect('/x', 308)->status);
        Check::throws(JsonException::class, static fn () => Response::json("\xff"));
    });
    $suite->test('lets given headers win over its own, in any case and form', static function (): void {
        Check::same(['Content-Type' => 'a/b'], Response::json([], 200, ['Content-Type' => 'a/b'])->headers);
        Check::same(['x' => 'y', 'content-type' => 'application/json'], Response::json([], 200, ['x' => 'y'])->headers);
        Check::same([['Content-Type', 'a/b']], Response::json([], 200, [['Content-Type', 'a/b']])->headers);
        Check::same([['x', 'y'], ['content-type', 'application/json']], Response::json([], 200, [['x', 'y']])->headers);
        Check::same(['a' => 'b'], ResponseHeaders::default([], ['a' => 'b']));
    });
    $suite->test('answers a file by its extension, and 404 where there is none', static function (): void {
        $path = sys_get_temp_dir() . '/gw-file-' . getmypid() . '.SVG';
        file_put_contents($path, str_repeat('<svg/>', 10_000));
        $r = Response::file($path, ['cache-control' => 'no-store']);
        Check::same([200, ['cache-control' => 'no-store', 'content-type' => 'image/svg+xml', 'content-length' => '60000']], [$r->status, $r->headers]);
        $chunks = iterator_to_array($r->delivery->chunks, false);
        Check::same([32768, 60000 - 32768], array_map(strlen(...), $chunks));
        $late = Response::file($path);
        file_put_contents($path, 'short');
        Check::throws(RuntimeException::class, static fn () => iterator_to_array($late->delivery->chunks), 'became shorter');
        unlink($path);
        foreach ([$path, sys_get_temp_dir(), "a\0b", ''] as $none) {
            Check::same(404, Response::file($none)->status);
        }
    });
    $suite->test('encodes server-sent events safely', static function (): void {
        $encode = static fn (mixed ...$events): string => implode('', iterator_to_array(Response::events($events)->delivery->chunks, false));
        Check::same("data: hello\n\n", $encode('hello'));
        Check::same("data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n", $encode("a\nb\r\nc\rd\n"));
        Check::same("event: tick\nid: 5\nretry: 100\ndata: {\"n\":1}\n\n", $encode(['id' => 5, 'data' => ['n' => 1], 'retry' => 100, 'event' => 'tick']));
        Check::same("id: 7\n\ndata: \n\n", $encode(['id' => '7'], ''));
        foreach ([['event' => "a\nb"], ['id' => "a\rb"], ['id' => "a\0"], ['retry' => '5'], ['retry' => -1], ['nonsense' => 1], 5, null] as $event) {
            Check::throws(InvalidArgumentException::class, static fn () => $encode($event));
        }
        Check::same('text/event-stream', Response::events([])->headers['content-type']);
    });
};
