<?php

declare(strict_types=1);

namespace Gw\Internal;

use Gw\UploadedFile;

/**
 * A multipart/form-data body (RFC 7578): fields and files. Lenient as browsers need it: what does not parse is left out,
 * and so is a part without its closing boundary.
 */
final class Multipart
{
    private const PARTS = 1000;
    private const HEAD_BYTES = 8192;

    /** @var list<array{string, string}> name and value of fields, in order */
    private array $fields = [];

    /** @var list<UploadedFile> */
    public array $files = [];

    public function __construct(private readonly Body $body, string $boundary)
    {
        // RFC 2046 section 5.1.1: a delimiter is a line; the first one may stand at the very beginning.
        $delimiter = "\r\n--$boundary";
        $at = $body->slice(0, strlen($delimiter) - 2) === "--$boundary" ? -2 : $body->find($delimiter, 0);
        for ($parts = 0; $at !== null && $parts < self::PARTS; ++$parts) {
            $begin = $this->behindLine($at + strlen($delimiter));
            $end = $begin === null ? null : $body->find($delimiter, $begin - 2);
            if ($end !== null) {
                $this->part($begin, $end);
            }
            $at = $end;
        }
    }

    /** @return array<mixed> with PHP's meaning of brackets in names */
    public function form(): array
    {
        $pairs = array_map(static fn (array $field): string => urlencode($field[0]) . '=' . urlencode($field[1]), $this->fields);

        return Query::parse(implode('&', $pairs));
    }

    /** Where the line of a delimiter ends; null behind the last one, which is marked by two dashes. */
    private function behindLine(int $at): ?int
    {
        $rest = $this->body->slice($at, 128);
        $white = strspn($rest, " \t");

        return substr($rest, $white, 2) === "\r\n" ? $at + $white + 2 : null;
    }

    private function part(int $begin, int $end): void
    {
        $head = $this->body->slice($begin, min(self::HEAD_BYTES, max(0, $end - $begin)));
        $length = str_starts_with($head, "\r\n") ? 0 : strpos($head, "\r\n\r\n");
        if ($length === false) {
            return;
        }
        $headers = self::headers(substr($head, 0, $length));
        $content = $begin + $length + ($length === 0 ? 2 : 4);
        [$disposition, $parameters] = HeaderBlock::parameters($headers['content-disposition'] ?? '');
        if ($disposition !== 'form-data' || !isset($parameters['name']) || $content > $end) {
            return;
        }
        if (isset($parameters['filename'])) {
            $type = $headers['content-type'] ?? 'application/octet-stream';
            $this->files[] = new UploadedFile($parameters['name'], $parameters['filename'], $type, $this->body, $content, $end - $content);
        } else {
            $this->fields[] = [$parameters['name'], $this->body->slice($content, $end - $content)];
        }
    }

    /** @return array<string, string> */
    private static function headers(string $head): array
    {
        $headers = [];
        foreach (explode("\r\n", $head) as $line) {
            [$name, $value] = explode(':', $line, 2) + [1 => ''];
            $headers[strtolower(trim($name))] = trim($value);
        }

        return $headers;
    }
}
