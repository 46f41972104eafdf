<?php
// Server-sent events that a handler makes one by one: the progress of its work.
declare(strict_types=1);

$worker = new Gw\Worker();

$worker->onRequest = fn (Gw\Request $request) => Gw\Response::events(work((int) $request->query('steps', '5')));

function work(int $steps): Generator
{
    try {
        for ($step = 1; $step <= $steps; $step++) {
            usleep(100_000);                                        // the work
            yield new Gw\Event(['done' => $step, 'of' => $steps], event: 'progress', id: $step);
        }
        yield new Gw\Event('all done', event: 'end');
    } finally {
        // Runs also when the client left in the middle.
    }
}

$worker->run();
