<?php
// Decides who may open a WebSocket, before it is open: try /?token=secret with the subprotocols chat.v1 and chat.v2.
declare(strict_types=1);

$worker = new Gw\Worker();

$worker->onHandshake = function (Gw\Request $request): Gw\Accept|Gw\Response {
    if ($request->query('token') !== 'secret') {
        return new Gw\Response(401, [], "Who are you?\n");
    }

    return new Gw\Accept(
        subprotocol: in_array('chat.v2', $request->subprotocols(), true) ? 'chat.v2' : null,   // null: gw chooses
        headers: ['set-cookie' => 'seen=1'],
        session: ['name' => 'Tom'],     // there from the first event on
        uid: 'user-7',
        groups: ['lobby'],
    );
};

$worker->onMessage = function (Gw\Connection $connection, string $data): void {
    Gw\Gateway::publish('lobby', "{$connection->session['name']} ({$connection->uid}): $data");
};

$worker->run();
