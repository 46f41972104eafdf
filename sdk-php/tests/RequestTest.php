<?php

declare(strict_types=1);

use Gw\Request;

return static function (Suite $suite): void {
    $request = static fn (string ...$parts): Request => new Request(Conversation::request(17, ...$parts));
    $withHeaders = static fn (string $headers): Request => $request(headers: $headers);

    $suite->test('has the properties of the message', static function () use ($request): void {
        $r = $request('POST', '/a%20b%2Fc', 'q=1', "host: example.org:8080\n");
        Check::same([17, 'POST', '/a b/c', '/a%20b%2Fc?q=1', '127.0.0.1:5', 'http', 'example.org:8080'], [$r->id, $r->method, $r->path, $r->target, $r->peer, $r->scheme, $r->host]);
        Check::same('/', $request()->target);
        Check::same('https', (new Request(Conversation::request(1, flags: 4)))->scheme);
        $protocols = array_map(static fn (int $flags): string => (new Request(Conversation::request(1, flags: $flags)))->protocol, [0, 8, 32, 36]);
        Check::same(['HTTP/1.1', 'HTTP/1.0', 'HTTP/2', 'HTTP/2'], $protocols);
        Check::true(isset($r->path) && !isset($r->nonsense), 'isset tells properties from nonsense');
    });
    $suite->test('refuses unknown properties and writing', static function () use ($request): void {
        Check::throws(LogicException::class, static fn () => $request()->nonsense, 'no property $nonsense');
        Check::throws(LogicException::class, static function () use ($request): void {
            $request()->path = '/x';
        }, 'cannot be written');
    });
    $suite->test('keeps a path that is not UTF-8 or badly escaped', static function () use ($request): void {
        Check::same("/\xff%zz%", $request(path: '/%ff%zz%')->path);
    });

    $suite->test('finds headers in any case', static function () use ($withHeaders): void {
        $r = $withHeaders("host: x\nx-token: a:b c\nempty: \n");
        Check::same(['a:b c', '', null, 'd'], [$r->header('X-Token'), $r->header('Empty'), $r->header('none'), $r->header('none', 'd')]);
        Check::same(['host' => 'x', 'x-token' => 'a:b c', 'empty' => ''], $r->headers());
    });
    $suite->test('joins repeated headers by commas and cookies by semicolons', static function () use ($withHeaders): void {
        $r = $withHeaders("accept: a\ncookie: b=1\naccept: c\ncookie: d=2\n");
        Check::same(['accept' => 'a, c', 'cookie' => 'b=1; d=2'], $r->headers());
    });
    $suite->test('finds a field whether one or all of a block are asked for', static function () use ($withHeaders): void {
        $block = "accept: a\nx-one: 1\naccept: c\nx-last: at: the end\n";
        $all = $withHeaders($block)->headers();
        foreach (['Accept', 'x-one', 'X-LAST', 'x', 'x-one: 1', 'one', '', "a\nx-one", 'x-last: at', 'host'] as $name) {
            foreach ([1, 2, 3] as $time) { // the third look at a block takes it apart
                Check::same($all[strtolower($name)] ?? null, $withHeaders($block)->header($name), "$name, look $time");
            }
            $withHeaders("other: $name\n")->header('other');
        }
    });
    $suite->test('takes numeric, binary and no headers', static function () use ($withHeaders): void {
        Check::same('n', $withHeaders("123: n\n")->header('123'));
        Check::same("\xff\xfe", $withHeaders("x: \xff\xfe\n")->header('x'));
        Check::same([], $withHeaders('')->headers());
    });
    $suite->test('keeps parsed header blocks within a bound', static function () use ($withHeaders): void {
        for ($i = 0; $i < 1000; ++$i) {
            Check::same("$i", $withHeaders("x-i: $i\n")->headers()['x-i']);
        }
        $kept = new ReflectionProperty(Gw\Internal\HeaderBlock::class, 'parsed');
        Check::true(count($kept->getValue()) <= 256, 'at most 256 blocks');
    });

    $suite->test('parses the query as PHP does', static function () use ($request): void {
        $r = $request(query: 'q=a%20b+c&l[]=1&l[]=2&m[k]=v&dot.ted=d&empty=&flag');
        Check::same(['a b c', ['1', '2'], ['k' => 'v'], 'd', '', '', null, 'x'], [
            $r->query('q'), $r->query('l'), $r->query('m'), $r->query('dot.ted'), $r->query('empty'), $r->query('flag'), $r->query('none'), $r->query('none', 'x'),
        ]);
        Check::same([], $request()->query());
    });
    $suite->test('survives malformed queries', static function () use ($request): void {
        Check::same(["\xff%zz"], array_values($request(query: 'a=%ff%zz')->query()));
        Check::same([], $request(query: '&&&=&=x')->query());
        Check::same(1000, count($request(query: implode('&', array_map(static fn (int $i): string => "k$i=1", range(1, 2000))))->query()));
    });

    $suite->test('parses cookies, the first of a name wins', static function () use ($withHeaders): void {
        $r = $withHeaders("cookie: a=1; b=\"two\";c=%20x; a=9; junk; =y; d=e=f\n");
        Check::same(['a' => '1', 'b' => 'two', 'c' => ' x', 'd' => 'e=f'], $r->cookies());
        Check::same(['1', null, 'z'], [$r->cookie('a'), $r->cookie('none'), $r->cookie('none', 'z')]);
        Check::same([], $withHeaders("host: x\n")->cookies());
    });

    $suite->test('parses an urlencoded form', static function () use ($request): void {
        $r = $request('POST', headers: "content-type: application/x-www-form-urlencoded; charset=utf-8\n", body: 'name=J%C3%B6rg&t[]=a&t[]=b');
        Check::same(['name' => 'Jörg', 't' => ['a', 'b']], $r->form());
        Check::same(['Jörg', 'd', []], [$r->form('name'), $r->form('none', 'd'), $r->files()]);
    });
    $suite->test('has no form where the body is none', static function () use ($request): void {
        foreach (['', "content-type: application/json\n", "content-type: ;;=\n", "content-type: multipart/form-data\n"] as $headers) {
            Check::same([[], []], [$request('POST', headers: $headers, body: 'a=1')->form(), $request('POST', headers: $headers)->files()]);
        }
    });

    $suite->test('decodes JSON and throws on anything else', static function () use ($request): void {
        Check::same(['a' => [1, null]], $request(body: '{"a":[1,null]}')->json());
        foreach (['', '{', "\"\xff\"", '{"a":1}x', str_repeat('[', 600) . str_repeat(']', 600)] as $body) {
            Check::throws(JsonException::class, static fn () => $request(body: $body)->json());
        }
    });

    $suite->test('reads a body that lies in a file', static function (): void {
        $path = tempnam(sys_get_temp_dir(), 'gw-body');
        file_put_contents($path, 'a=1');
        $r = new Request(Conversation::request(1, 'POST', headers: "content-type: application/x-www-form-urlencoded\n", body: $path, flags: 2));
        Check::same(['a=1', $path, '1'], [$r->body(), $r->bodyFile(), $r->form('a')]);
        unlink($path);
        Check::throws(RuntimeException::class, static fn () => $r->body(), 'cannot read the body');
        Check::same(null, (new Request(Conversation::request(1, body: 'x')))->bodyFile());
    });
};
