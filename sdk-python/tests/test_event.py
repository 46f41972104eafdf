"""Server-sent events: their text, sending them, and the streams that need no worker."""

import contextlib
import io
import unittest

import harness
from harness import attach, closed, request, serve
import gw
from gw import _wire as wire
from gw._codec import pack
from gw._event import format_event


class TextTest(unittest.TestCase):
    def test_every_field(self):
        event = gw.Event("a\nb\r\nc\rd", event="price", id=7, retry=1000, comment="x\ny")
        self.assertEqual(event.encode(), b": x\n: y\nevent: price\nid: 7\nretry: 1000\ndata: a\ndata: b\ndata: c\ndata: d\n\n")

    def test_data_of_other_kinds_is_json(self):
        for data, text in (({"a": 1}, b'{"a":1}'), ([1, "\xe9"], '[1,"é"]'.encode()), (5, b"5"), (False, b"false"), ("", b"")):
            self.assertEqual(gw.Event(data).encode(), b"data: " + text + b"\n\n")

    def test_whatever_an_iterable_may_yield(self):
        for item, text in (
            ("x", b"data: x\n\n"), ({"data": "x", "id": 7}, b"id: 7\ndata: x\n\n"), ({"price": 1}, b'data: {"price":1}\n\n'),
            (gw.Event("x"), b"data: x\n\n"), (b": raw\n\n", b": raw\n\n"), ({"comment": "beat"}, b": beat\n\n"),
        ):
            self.assertEqual(format_event(item), text)

    def test_a_field_cannot_forge_another(self):
        for fields in ({"event": "a\nb"}, {"id": "a\rb"}, {"id": "a\0"}, {"retry": "5s"}, {"retry": -1}):
            with self.assertRaises(ValueError):
                gw.Event("x", **fields).encode()
        with self.assertRaises(ValueError):
            gw.Event().encode()


class WorkerCase(unittest.TestCase):
    def answers(self, answer, asynchronous=False, messages=None):
        worker = gw.Worker()
        if asynchronous:
            @worker.on_request
            async def index(request):
                return answer() if callable(answer) else answer
        else:
            worker.on_request(lambda request: answer() if callable(answer) else answer)
        with contextlib.redirect_stderr(io.StringIO()) as log:
            written, _ = serve(worker, *(messages or [request(5)]))
        self.log = log.getvalue()
        return [m for m in written.messages if m[0] not in (wire.READY, wire.ACK, wire.DONE, wire.BYE)]


class StreamTest(WorkerCase):
    def test_without_an_iterable_the_stream_goes_on_without_the_worker(self):
        for asynchronous in (False, True):
            (out,) = self.answers(gw.Response.events(join=["news"]), asynchronous)
            self.assertEqual(out, [wire.EVENTS, 5, 200, [], b"", b"", "", ["news"]])

    def test_everything_it_can_begin_with(self):
        response = gw.Response.events(status=200, headers={"x-a": "1"}, join="news", uid="u1", session={"name": "Tom"}, first=[gw.Event("missed", id=7), "too"])
        (out,) = self.answers(response)
        self.assertEqual(out, [wire.EVENTS, 5, 200, harness.fields(x_a="1"), b"id: 7\ndata: missed\n\ndata: too\n\n", pack({"name": "Tom"}), "u1", ["news"]])

    def test_alone(self):
        self.assertEqual(self.answers(gw.Response.events()), [[wire.EVENTS, 5, 200, [], b""]])

    def test_what_cannot_be_answers_500(self):
        for make in (lambda: gw.Response.events(join=["x" * 129]), lambda: gw.Response.events(["x"], join=["news"]), lambda: gw.Response.events(session={1: 2})):
            (out,) = self.answers(make)
            self.assertEqual(out[:3], [wire.RES, 5, 500])

    def test_an_event_goes_to_any_connection(self):
        def push():
            event = gw.Event("x", id=7)
            gw.gateway.publish("news", event)
            gw.gateway.send(300, event)
            gw.gateway.broadcast(event)
            gw.gateway.send_to_uid("u1", event)
            gw.gateway.send_many([1, 2], event)
            return "pushed"

        block = b"id: 7\ndata: x\n\n"
        self.assertEqual(self.answers(push)[:-1], [
            [wire.PUBLISH, "news", 2, block, []], [wire.SEND, 300, 2, block], [wire.BROADCAST, 0, 2, block, []], [wire.SENDUID, "u1", 2, block],
            [wire.SENDMANY, [1, 2], 2, block],
        ])

    def test_its_end_is_told_with_the_request_it_began_with(self):
        seen = []
        worker = gw.Worker()

        @worker.on_close
        def close(connection, code):
            seen.append((connection.kind, connection.headers["last-event-id"], code))
            connection.send(gw.Event("never arrives"))

        begun = attach(headers=b"last-event-id: 41\n")
        begun[4] = "events"
        serve(worker, begun, closed(code=1000))
        self.assertEqual(seen, [("events", "41", 1000)])

    def test_the_iterable_is_closed_when_the_client_left(self):
        ended = []

        def events():
            try:
                while True:
                    yield "x" * 100
            finally:
                ended.append(True)

        self.answers(lambda: gw.Response.events(events()), messages=[request(5), [wire.ABORT, 5, 1]])
        self.assertEqual(ended, [])  # aborted before it began
        worker = gw.Worker()
        worker.on_request(lambda request: gw.Response.events(events()))
        serve(worker, request(5), react=lambda message: [[wire.ABORT, 5, 1]] if message[0] == wire.RES_START else None)
        self.assertEqual(ended, [True])


if __name__ == "__main__":
    unittest.main()
