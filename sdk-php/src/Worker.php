<?php

declare(strict_types=1);

namespace Gw;

use Gw\Internal\Codec;
use Gw\Internal\ExtensionCodec;
use Gw\Internal\Loop;
use Gw\Internal\PipeTransport;
use Gw\Internal\PureCodec;
use Gw\Internal\Timers;
use Gw\Internal\Violation;

/**
 * A handler: set callbacks, then run().
 *
 *     $worker = new Gw\Worker();
 *     $worker->onRequest = fn (Gw\Request $request) => 'Hello ' . $request->query('name', 'Client');
 *     $worker->run();
 *
 * A callback left null costs nothing: its events are not sent. An exception in one is logged and the worker lives; a
 * request is then answered 500. Callbacks are read once, when run() begins.
 */
final class Worker
{
    public const VERSION = '0.1.0';

    /** @var (callable(Request): (string|array<mixed>|Response|null))|null */
    public mixed $onRequest = null;

    /**
     * Whether a WebSocket may come in: true, null or an Accept, or else false (403) or a Response. Without it all may.
     *
     * @var (callable(Request): (bool|Accept|Response|null))|null
     */
    public mixed $onHandshake = null;

    /** @var (callable(Connection): void)|null a client connected; Connection::request() has its handshake */
    public mixed $onConnect = null;

    /** @var (callable(Connection, string $data, bool $binary): void)|null */
    public mixed $onMessage = null;

    /** @var (callable(Connection, int $code, string $reason): void)|null codes of RFC 6455 for every kind of connection */
    public mixed $onClose = null;

    /** @var (callable(Worker): void)|null before the first message; an exception here means the worker failed to start */
    public mixed $onStart = null;

    /** @var (callable(Worker): void)|null behind the last message */
    public mixed $onStop = null;

    /** @var (callable(Connection): void)|null the client reads too slowly: stop sending */
    public mixed $onBufferFull = null;

    /** @var (callable(Connection): void)|null it has caught up: go on */
    public mixed $onBufferDrain = null;

    /** A request with a long body comes as soon as its head is there: read it by Request::stream(). */
    public bool $streamBodies = false;

    private readonly Timers $timers;

    public function __construct()
    {
        $this->timers = new Timers();
    }

    /** Calls $callback every so many seconds, between messages, in this worker process. */
    public function every(float $seconds, callable $callback): Timer
    {
        $timer = new Timer($seconds, $callback);
        $this->timers->add($timer);

        return $timer;
    }

    /** Serves until gw drains this worker. Ends the process when it was not started by gw (64) or on garbage from it (70). */
    public function run(): void
    {
        if (getenv('GW_IPC') === false) {
            fwrite(STDERR, "This program is a handler of gw. Start it with: gw start {$this->script()}\n");
            exit(64);
        }
        $this->showErrorsOnStderr();
        $codec = extension_loaded('msgpack') ? new ExtensionCodec() : new PureCodec();
        $loop = $this->loop(new PipeTransport((int) (getenv('GW_FD_IN') ?: 3), (int) (getenv('GW_FD_OUT') ?: 4)), $codec);
        // Memory that a fatal "out of memory" leaves to the shutdown function.
        $reserve = str_repeat("\0", 64 << 10);
        register_shutdown_function(static function () use ($loop, &$reserve): void {
            $reserve = '';
            $loop->shutdown();
        });
        try {
            $loop->run();
        } catch (Violation $violation) {
            fwrite(STDERR, "gw: Protocol violated by the gateway: {$violation->getMessage()}\n");
            exit(Violation::EXIT_CODE);
        }
    }

    /** @internal the seam of the tests */
    public function loop(Internal\Transport $transport, Codec $codec): Loop
    {
        return new Loop($this, $this->timers, $transport, $codec);
    }

    /** @internal */
    public function callback(string $name): ?\Closure
    {
        $callback = $this->$name;
        if ($callback === null || is_callable($callback)) {
            return $callback === null ? null : \Closure::fromCallable($callback);
        }

        throw new \TypeError("Gw\\Worker::\$$name must be callable, " . get_debug_type($callback) . ' given');
    }

    private function script(): string
    {
        return basename($_SERVER['argv'][0] ?? 'app.php');
    }

    /** Warnings belong into the log, once. */
    private function showErrorsOnStderr(): void
    {
        ini_set('display_errors', 'stderr');
        if ((string) ini_get('error_log') === '') {
            ini_set('log_errors', '0'); // it would write to stderr as well
        }
    }
}
