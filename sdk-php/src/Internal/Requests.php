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

    /** Request::WEBSOCKET and BODY_FOLLOWS, a number at once: a constant of another class is looked up each time. */
    private const UNUSUAL = 16 | 1;

    private readonly Outbox $outbox;
    private readonly Stream $stream;
    private readonly \Closure $onRequest;

    public function __construct(private readonly Link $link, private readonly Hello $hello, ?\Closure $onRequest, private readonly ?\Closure $onHandshake = null)
    {
        $this->outbox = $link->outbox;
        $this->stream = new Stream($link, $hello->streamCredit);
        $this->onRequest = $onRequest ?? static fn (): Response => new Response(404, self::TEXT, "The handler has no onRequest.\n");
    }

    /** @param list<mixed> $m REQ */
    public function handle(array $m): void
    {
        if (!isset($m[9]) || !\is_int($m[1]) || !\is_int($m[2]) || !\is_string($m[8]) || !\is_string($m[9])) {
            Shape::check($m);
        }
        $unusual = $m[2] & self::UNUSUAL;
        try {
            if (($unusual & Request::WEBSOCKET) !== 0) {
                $this->handshake($m);
            } else {
                $answer = ($this->onRequest)(new Request($m, $this));
                if (!$answer instanceof Response || !$answer->answer($m[1], $this->outbox)) {
                    try {
                        $this->answer($m, $answer);
                    } finally {
                        $answer = null; // ends a generator in it, and that may throw
                    }
                }
            }
        } catch (GatewayGone | Violation $end) {
            throw $end;
        } catch (ClientGone) {
            $this->fail($m[1], ''); // to nobody: it counts as the answer
        } catch (\Throwable $thrown) {
            Log::write('Request failed', ['request' => $m[1], 'method' => $m[5], 'path' => $m[6]], $thrown);
            $this->fail($m[1], (string) $thrown);
        }
        if ($unusual !== 0) {
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
        $answer instanceof Response ? $this->deliver($m, $answer) : $this->outbox->add($answer);
    }

    /**
     *
     * @param list<mixed> $m
     */
    private function answer(array $m, mixed $answer): void
    {
        if (\is_string($answer)) {
            $headers = $answer !== '' && $answer[0] === '<' ? self::HTML : self::TEXT;
            if ($this->outbox->respond($m[1], 200, $headers, $answer)) {
                return;
            }
            $answer = new Response(200, $headers, $answer);
        } elseif (!$answer instanceof Response) {
            $answer = match (true) {
                \is_array($answer) => Response::json($answer),
                $answer === null => new Response(204),
                default => throw new \TypeError('onRequest returned ' . \get_debug_type($answer) . '; expected a string, an array, Gw\Response or null'),
            };
        }
        $this->deliver($m, $answer);
    }

    /** @param list<mixed> $m */
    private function deliver(array $m, Response $answer): void
    {
        $delivery = $answer->delivery;
        if ($delivery?->subscription !== null) {
            $this->outbox->add($delivery->subscription->message($m[1], $answer->status, $answer->headers));
        } elseif ($answer->answer($m[1], $this->outbox)) {
            return;
        } elseif ($delivery?->path === null || ($path = $this->hello->sendFolders->find($delivery->path)) === null) {
            $this->stream->send($m[1], $answer, $m[5] !== 'HEAD');
        } else {
            $this->outbox->add([Op::RES_FILE, $m[1], $answer->status, $answer->headers, $path]);
        }
    }

    /** A 500; or, in the middle of a streamed answer, the end that the client can tell from a good one. */
    private function fail(int $sid, string $trace): void
    {
        if ($this->stream->cut($sid)) {
            return;
        }
        [$headers, $body] = $this->hello->debug ? [self::HTML, ErrorPage::render($trace)] : [self::TEXT, "Internal Server Error\n"];
        $this->outbox->respond($sid, 500, $headers, $body);
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
