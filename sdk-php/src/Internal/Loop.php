<?php

declare(strict_types=1);

namespace Gw\Internal;

use Gw\Gateway;
use Gw\Worker;

/**
 * The life of a worker: greet, take batches, dispatch their messages, write, and leave in order.
 *
 * Owns the count of finished messages and the moment of each write. Invariants: one message is worked on at a time; an
 * answer and its acknowledgement leave in the same frame; nothing is written after BYE.
 */
final class Loop
{
    /** A finished answer waits for slower ones behind it no longer than this (ns). */
    private const PATIENCE = 500_000;

    private const WORK = [Op::REQ, Op::OPEN, Op::MSG, Op::CLOSED, Op::BUF, Op::DGRAM];

    private readonly Link $link;
    private readonly Outbox $outbox;
    private readonly FrameReader $frames;
    private Requests $requests;
    private Connections $connections;

    /** Which message of the batch is worked on; -1: none. */
    private int $at = -1;
    private bool $serving = false;
    private readonly int $pid;

    public function __construct(private readonly Worker $worker, private readonly Timers $timers, Transport $transport, Codec $codec)
    {
        $this->frames = new FrameReader($codec);
        $this->outbox = new Outbox($transport);
        $this->link = new Link($transport, $this->frames, $this->outbox);
        $this->pid = getmypid();
    }

    /**
     * Serves until the gateway drains this worker or is gone.
     *
     * @throws Violation
     */
    public function run(): void
    {
        try {
            $this->greet();
            $this->serve();
        } catch (GatewayGone) {
            $this->serving && $this->stop();
            $this->serving = false;
        } catch (Violation $violation) {
            $this->leave();
            throw $violation;
        }
    }

    /** HELLO, onStart, READY. What onStart sends goes out behind READY; an exception in it ends the worker. */
    private function greet(): void
    {
        while (($batch = $this->link->next()) === null) {
            $this->link->wait();
        }
        $hello = Hello::read($batch[0] ?? throw new Violation('expected HELLO first, got an empty frame'));
        $this->frames->maxFrame = $this->outbox->maxFrame = $hello->maxFrame;
        $this->requests = new Requests($this->link, $hello, $this->worker->callback('onRequest'), $this->worker->callback('onHandshake'));
        $this->connections = new Connections($this->worker, $hello, $this->outbox);
        Gateway::open($this->link, $hello);
        $this->outbox->add([Op::READY, Hello::VERSION, $this->announcement()]);
        $this->worker->callback('onStart')?->__invoke($this->worker);
        $this->link->ready = $this->serving = true;
        $this->dispatch(array_slice($batch, 1, null, true));
    }

    /** @return array<string, mixed> */
    private function announcement(): array
    {
        $events = [
            'request' => ['onRequest'],
            'handshake' => ['onHandshake'],
            'connect' => ['onConnect'],
            'message' => ['onMessage'],
            'close' => ['onClose'],
            'buffer' => ['onBufferFull', 'onBufferDrain'],
            'datagram' => ['onMessage'],
        ];
        $wanted = array_filter($events, fn (array $names): bool => array_filter($names, $this->worker->callback(...)) !== []);

        return [
            'pid' => $this->pid,
            'language' => 'php',
            'language_version' => PHP_VERSION,
            'sdk' => Worker::VERSION,
            'concurrency' => 1,
            'events' => array_keys($wanted),
            ...($this->worker->streamBodies ? ['stream_body' => true] : []),
        ];
    }

    private function serve(): void
    {
        while ($this->serving) {
            if (!$this->timers->isEmpty()) {
                $this->timers->run();
            }
            $batch = $this->link->next();
            if ($batch !== null) {
                $this->dispatch($batch);
            } elseif ($this->timers->isEmpty() || $this->link->readable($this->timers->wait())) {
                $this->link->wait();
            }
        }
    }

    /** @param array<int, list<mixed>> $batch of the link, or its end */
    private function dispatch(array $batch): void
    {
        $outbox = $this->outbox;
        $requests = $this->requests;
        $connections = $this->connections;
        $request = Op::REQ; // another class's constants are looked up each time
        $message = Op::MSG;
        $deadline = \hrtime(true) + self::PATIENCE;
        foreach ($batch as $i => $m) {
            $this->at = $i;
            if ($m[0] === $request) {
                $requests->handle($m);
            } elseif ($m[0] === $message) {
                $connections->message($m);
            } elseif ($m[0] === Op::DGRAM) {
                $this->connections->datagram($m);
            } elseif (!$this->rare($m)) {
                continue;
            }
            ++$outbox->done;
            if (\hrtime(true) > $deadline) {
                $this->at = -1;
                $outbox->flush();
                $deadline = \hrtime(true) + self::PATIENCE;
            }
        }
        $this->at = -1;
    }

    /**
     * @param list<mixed> $m
     *
     * @return bool whether it was a work message, to be acknowledged
     */
    private function rare(array $m): bool
    {
        Shape::check($m);
        switch ($m[0]) {
            case Op::OPEN:
            case Op::CLOSED:
            case Op::BUF:
                $this->connections->event($m);

                return true;
            case Op::ATTACH:
                $this->connections->attach($m);
                break;
            case Op::DETACH:
                $this->connections->detach($m[1]);
                break;
            case Op::PING:
                $this->outbox->add([Op::PONG, $m[1]]);
                break;
            case Op::DRAIN:
                $this->drain();
                break;
        }

        return false; // CREDIT, ABORT and REPLY come here when nobody waits for them any more
    }

    private function drain(): void
    {
        $this->outbox->flush();
        $this->stop();
        $this->outbox->add([Op::BYE, 'drain', 0]);
        $this->leave();
    }

    private function stop(): void
    {
        try {
            $this->worker->callback('onStop')?->__invoke($this->worker);
        } catch (\Throwable $thrown) {
            Log::write('Callback failed', ['callback' => 'onStop'], $thrown);
        }
    }

    /** Writes what is finished, for the last time. */
    private function leave(): void
    {
        $this->serving = false;
        try {
            $this->outbox->flush();
        } catch (GatewayGone) {
            // Nobody is left to read it.
        }
    }

    /**
     * The shutdown function: exit(), die() or a fatal error in a callback. Finished answers go out, the request at work
     * is answered 500, and BYE tells what had begun.
     */
    public function shutdown(): void
    {
        if (!$this->serving || getmypid() !== $this->pid) {
            return; // an orderly end, or the end of a forked child that shares our pipes
        }
        $started = 0;
        $current = $this->link->batch[$this->at] ?? [Op::PING];
        if (\in_array($current[0], self::WORK, true)) {
            [$op, $id] = $current;
            Log::write('exit() or a fatal error in a callback ends this worker', [match ($op) { Op::REQ => 'request', Op::DGRAM => 'listener', default => 'connection' } => $id]);
            if ($op === Op::REQ) {
                $this->requests->abandon($current);
                ++$this->outbox->done;
            } else {
                $started = 1;
            }
        }
        $this->outbox->add([Op::BYE, 'exit', $started]);
        $this->leave();
    }
}
