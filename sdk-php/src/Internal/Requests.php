<?php

declare(strict_types=1);

namespace Gw\Internal;

use Gw\ClientGone;
use Gw\Request;
use Gw\Response;

/** Calls onRequest and turns what it returns, or throws, into an answer. */
final class Requests
{
    private const TEXT = ['content-type' => 'text/plain; charset=utf-8'];
    private const HTML = ['content-type' => 'text/html; charset=utf-8'];

    private readonly Outbox $outbox;
    private readonly Stream $stream;

    public function __construct(private readonly Link $link, private readonly Hello $hello, private readonly ?\Closure $onRequest, private readonly ?\Closure $onHandshake = null)
    {
        $this->outbox = $link->outbox;
        $this->stream = new Stream($link, $hello->streamCredit);
    }

    /** @param list<mixed> $m REQ */
    public function handle(array $m): void
    {
        if (!isset($m[9]) || !\is_int($m[1]) || !\is_string($m[8]) || !\is_string($m[9])) {
            Shape::check($m);
        }
        try {
            if (($m[2] & Request::WEBSOCKET) !== 0) {
                $this->handshake($m);
            } else {
                $this->answer($m, $this->onRequest === null ? self::unhandled() : ($this->onRequest)(new Request($m, $this)));
            }
        } catch (GatewayGone | Violation $end) {
            throw $end;
        } catch (ClientGone) {
            $this->fail($m[1], ''); // to nobody: it counts as the answer
        } catch (\Throwable $thrown) {
            Log::write('Request failed', ['request' => $m[1], 'method' => $m[5], 'path' => $m[6]], $thrown);
            $this->fail($m[1], (string) $thrown);
        }
        if (($m[2] & Request::BODY_FOLLOWS) !== 0) {
            $this->link->closeUpload();
        }
    }

    /** The body of the request at work, which has not come yet. */
    public function upload(int $sid): Upload
    {
        return $this->link->openUpload($sid, $this->hello->streamCredit);
    }

    public function isGone(int $sid): bool
    {
        return $this->link->isGone($sid);
    }

    /** @param list<mixed> $m REQ that asks for a WebSocket; it comes only where there is an onHandshake */
    private function handshake(array $m): void
    {
        $answer = Handshakes::answer($m[1], $this->onHandshake?->__invoke(new Request($m, $this)));
        if ($answer instanceof Response) {
            $this->answer($m, $answer);
        } else {
            $this->outbox->add($answer, 512 + \strlen($answer[4] ?? '') + 128 * \count($answer[6] ?? []) + 64 * \count($answer[3]));
        }
    }

    /** @param list<mixed> $m */
    private function answer(array $m, mixed $answer): void
    {
        if (\is_string($answer)) {
            if (\strlen($answer) <= Limit::BODY) {
                $headers = $answer !== '' && $answer[0] === '<' ? self::HTML : self::TEXT;
                $this->outbox->add([Op::RES, $m[1], 200, $headers, $answer], \strlen($answer) + 128);

                return;
            }
            $answer = new Response(200, $answer[0] === '<' ? self::HTML : self::TEXT, $answer);
        } elseif (!$answer instanceof Response) {
            $answer = match (true) {
                \is_array($answer) => Response::json($answer),
                $answer === null => new Response(204),
                default => throw new \TypeError('onRequest returned ' . \get_debug_type($answer) . '; expected a string, an array, Gw\Response or null'),
            };
        }
        if ($answer->subscription !== null) {
            $message = $answer->subscription->message($m[1], $answer->status, $answer->headers);
            $this->outbox->add($message, $answer->subscription->bytes() + 64 * \count($answer->headers));
        } elseif ($answer->chunks === null && \strlen($answer->body) <= Limit::BODY) {
            $bytes = \strlen($answer->body) + 64 * \count($answer->headers) + 64;
            $this->outbox->add([Op::RES, $m[1], $answer->status, $answer->headers, $answer->body], $bytes);
        } elseif ($answer->path === null || ($path = $this->hello->sendFolders->find($answer->path)) === null) {
            $this->stream->send($m[1], $answer, $m[5] !== 'HEAD');
        } else {
            $this->outbox->add([Op::RES_FILE, $m[1], $answer->status, $answer->headers, $path], \strlen($path) + 64 * \count($answer->headers) + 64);
        }
    }

    private static function unhandled(): Response
    {
        return new Response(404, self::TEXT, "The handler has no onRequest.\n");
    }

    /** A 500; or, in the middle of a streamed answer, the end that the client can tell from a good one. */
    private function fail(int $sid, string $trace): void
    {
        if ($this->stream->cut($sid)) {
            return;
        }
        [$headers, $body] = $this->hello->debug ? [self::HTML, ErrorPage::render($trace)] : [self::TEXT, "Internal Server Error\n"];
        $this->outbox->add([Op::RES, $sid, 500, $headers, $body], \strlen($body) + 128);
    }

    /**
     * Answers the request during which the program ends.
     *
     * @param list<mixed> $m
     */
    public function abandon(array $m): void
    {
        $error = error_get_last();
        $this->fail($m[1], $error === null ? 'exit() was called' : "{$error['message']}\nin {$error['file']}:{$error['line']}");
    }
}
