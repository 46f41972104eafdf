<?php

declare(strict_types=1);

use Gw\Request;

return static function (Suite $suite): void {
    // Both homes of a body must look alike.
    $requests = static function (string $body, string $type = 'multipart/form-data; boundary=XX'): array {
        static $files = [];
        $files[] = $path = tempnam(sys_get_temp_dir(), 'gw-form');
        register_shutdown_function(static fn () => @unlink($path));
        file_put_contents($path, $body);

        return [
            new Request(Conversation::request(1, 'POST', headers: "content-type: $type\n", body: $body)),
            new Request(Conversation::request(1, 'POST', headers: "content-type: $type\n", body: $path, flags: 2)),
        ];
    };
    $field = static fn (string $name, string $value): string => "--XX\r\nContent-Disposition: form-data; name=\"$name\"\r\n\r\n$value\r\n";
    $file = static fn (string $name, string $filename, string $content, string $type = 'text/plain'): string =>
        "--XX\r\ncontent-disposition: form-data; name=\"$name\"; filename=\"$filename\"\r\nContent-Type: $type\r\n\r\n$content\r\n";

    $suite->test('parses fields and files', static function () use ($requests, $field, $file): void {
        $body = $field('name', 'Jörg') . $file('upload', 'a.txt', "line\r\n--X not a boundary\r\n") . $field('t[]', 'a') . $field('t[]', "b\r\n") . $file('photos[]', 'C:\\dir\\b.png', '', 'image/png') . '--XX--';
        foreach ($requests($body) as $r) {
            Check::same(['name' => 'Jörg', 't' => ['a', "b\r\n"]], $r->form());
            Check::same(2, count($r->files()));
            $upload = $r->file('upload');
            Check::same(['upload', 'a.txt', 'text/plain', "line\r\n--X not a boundary\r\n", 26], [$upload->field, $upload->name, $upload->type, $upload->contents(), $upload->size]);
            Check::same(['b.png', 'image/png', '', 0], [$r->file('photos')->name, $r->file('photos')->type, $r->file('photos')->contents(), $r->file('photos')->size]);
            Check::same(null, $r->file('none'));
        }
    });
    $suite->test('moves a file, and says when it cannot', static function () use ($requests, $file): void {
        foreach ($requests($file('upload', '../../etc/passwd', "\0binary\xff") . '--XX--') as $r) {
            $to = tempnam(sys_get_temp_dir(), 'gw-moved');
            $r->file('upload')->moveTo($to);
            Check::same("\0binary\xff", file_get_contents($to));
            Check::same('passwd', $r->file('upload')->name);
            unlink($to);
            Check::throws(RuntimeException::class, static fn () => $r->file('upload')->moveTo('/nonexistent/folder/x'), 'cannot write');
        }
    });
    $suite->test('finds boundaries across the pieces in which a file is read', static function () use ($requests, $file): void {
        foreach ([-40, -8, -3, -1, 0, 1, 5] as $shift) {
            $content = str_repeat("x\r\n-", (256 << 10) / 4 + 100);
            $content = substr($content, 0, (256 << 10) + $shift);
            foreach ($requests($file('upload', 'big', $content) . '--XX--') as $r) {
                Check::same(md5($content), md5($r->file('upload')->contents()));
            }
        }
    });
    $suite->test('takes a preamble, a quoted boundary and blanks behind a boundary', static function () use ($requests): void {
        $body = "preamble\r\n--a b\r\nignored: x\r\nContent-Disposition: form-data; name=n\r\n\r\nv\r\n--a b  \r\nContent-Disposition: form-data; name=\"q\\\"q\"\r\n\r\nw\r\n--a b--\r\nepilogue";
        foreach ($requests($body, 'Multipart/Form-Data; boundary="a b"') as $r) {
            Check::same(['n' => 'v', 'q"q' => 'w'], $r->form());
        }
    });
    $suite->test('leaves out what is malformed', static function () use ($requests, $field): void {
        $good = $field('good', '1');
        $cases = [
            '' => [], '--XX' => [], '--XX--' => [], 'garbage' => [], "--XX\r\n" => [], "--XX\r\n\r\n" => [],
            $good . "--XX\r\nContent-Disposition: form-data; name=\"cut\"\r\n\r\nno end" => ['good' => '1'],
            $good . "--XX\r\nno head at all\r\n--XX--" => ['good' => '1'],
            "--XX\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nx\r\n" . $good . '--XX--' => ['good' => '1'],
            "--XX\r\nContent-Disposition: form-data\r\n\r\nx\r\n" . $good . '--XX--' => ['good' => '1'],
            "--XX\r\n\r\nno headers\r\n" . $good . '--XX--' => ['good' => '1'],
            "--XX\r\n--XX\r\n--XX\r\n" . $good . '--XX--' => ['good' => '1'],
        ];
        foreach ($cases as $body => $form) {
            foreach ($requests((string) $body) as $r) {
                Check::same($form, $r->form(), var_export($body, true));
            }
        }
    });
    $suite->test('stops at 1,000 parts', static function () use ($requests, $field): void {
        $body = implode('', array_map(static fn (int $i): string => $field('f[]', "$i"), range(1, 1500))) . '--XX--';
        foreach ($requests($body) as $r) {
            Check::same(1000, count($r->form('f')));
        }
    });
};
