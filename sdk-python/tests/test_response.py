import os
import tempfile
import unittest

import harness  # noqa: F401
from gw import Response
from gw import _msgpack
from gw import _wire as wire
from gw._response import complete

TEXT, HTML, JSON = "text/plain; charset=utf-8", "text/html; charset=utf-8", "application/json"
BYTES = "application/octet-stream"


def answered(answer):
    """Status, content-type and body of a complete answer."""
    op, sid, status, headers, body = _msgpack.unpack(complete(9, answer))
    assert (op, sid) == (wire.RES, 9)
    return status, dict(text(headers)).get("content-type"), body


def fields(response):
    """Headers as they go out, all as text."""
    return text(_msgpack.unpack(complete(9, response))[3])


def text(headers):
    return [(name.decode(), value.decode()) for name, value in headers]


class AnswerTest(unittest.TestCase):
    def test_whatever_a_callback_returns(self):
        for answer, wanted in [
            ("hello", (200, TEXT, b"hello")),
            ("", (200, TEXT, b"")),
            ("<p>é", (200, HTML, "<p>é".encode())),
            (b"\xff", (200, BYTES, b"\xff")),
            (bytearray(b"x"), (200, BYTES, b"x")),
            ({"a": [1, "é"]}, (200, JSON, '{"a":[1,"é"]}'.encode())),
            ([], (200, JSON, b"[]")),
            (None, (204, None, b"")),
            (("made", 201), (201, TEXT, b"made")),
            (({"a": 1}, 404, {"x": "y"}), (404, JSON, b'{"a":1}')),
            ((None, 304), (304, None, b"")),
            (Response(), (200, None, b"")),
            (Response(418, {}, "short"), (418, TEXT, b"short")),
            (Response(200, {"Content-Type": "a/b"}, "x"), (200, None, b"x")),
            (Response(200, {"CONTENT-type": "a/b"}, "x"), (200, None, b"x")),
            (Response.json([1], 201), (201, JSON, b"[1]")),
            (Response.html("<p>"), (200, HTML, b"<p>")),
            ("x" * 40_000, (200, TEXT, b"x" * 40_000)),
        ]:
            with self.subTest(answer):
                self.assertEqual(answered(answer), wanted)

    def test_what_is_no_answer_is_refused(self):
        for answer in (1, object(), ("a",), ("a", 200, {}, 1), ("a", "200"), ("a", 99), ("a", 101), ("a", 600), Response(None), Response(200, {}, 1),
                       iter([]), {"a": object()}):
            with self.subTest(answer), self.assertRaises((TypeError, ValueError)):
                complete(1, answer)

    def test_headers_of_every_form(self):
        response = Response(200, {"set-cookie": ["a=1", "b=2"], "content-length": 5, "x-name": "é"}, b"")
        self.assertEqual(fields(response), [("set-cookie", "a=1"), ("set-cookie", "b=2"), ("content-length", "5"), ("x-name", "é")])
        self.assertEqual(fields(Response(200, [("a", "1"), ("a", b"2")])), [("a", "1"), ("a", "2")])
        self.assertEqual(fields(Response(200, {"x": "y"}, "t")), [("content-type", TEXT), ("x", "y")])
        self.assertEqual(fields(Response(200, [("x", "y")], "t")), [("x", "y"), ("content-type", TEXT)])

    def test_a_header_cannot_bring_another_one_along(self):
        for headers in ({"a": "x\r\nb: y"}, {"a": b"x\ny"}, {"a\n": "x"}, {"a": ["x", "y\r"]}, {"a": "\0"}, [("a", "x\n")], {"": "x"}, {"a": None},
                        {1: "x"}, {"a": True}, [("a",)]):
            with self.subTest(headers), self.assertRaises((TypeError, ValueError)):
                complete(1, Response(200, headers))

    def test_redirect(self):
        self.assertEqual(fields(Response.redirect("/é x?a=%20#f")), [("location", "/%C3%A9%20x?a=%20#f")])
        self.assertEqual(Response.redirect("/", 308).status, 308)
        self.assertNotIn("\n", fields(Response.redirect("/\r\nx: y"))[0][1])

    def test_a_large_body_is_streamed_with_its_length(self):
        response = complete(1, b"x" * (256 * 1024 + 1))
        self.assertEqual(dict(response.headers), {"content-type": BYTES, "content-length": "262145"})
        self.assertEqual(b"".join(response.chunks), b"x" * 262145)
        pairs = complete(1, Response(200, [("Content-Length", "300000")], b"x" * 300_000)).headers
        self.assertEqual([value for name, value in pairs if name in ("Content-Length", "content-length")], ["300000"])


class FileTest(unittest.TestCase):
    def test_type_and_length(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, kind in (("a.txt", "text/plain; charset=utf-8"), ("a.png", "image/png"), ("a.tar.gz", BYTES), ("a", BYTES)):
                path = os.path.join(folder, name)
                with open(path, "wb") as file:
                    file.write(b"x" * 100_000)
                response = Response.file(path)
                self.assertEqual(response.headers, {"content-type": kind, "content-length": "100000"})
                self.assertEqual([len(chunk) for chunk in response.chunks], [32768, 32768, 32768, 1696])
            response = Response.file(path, content_type="a/b", headers={"x": "y"})
            self.assertEqual((response.headers["content-type"], response.headers["x"]), ("a/b", "y"))
            response.chunks.close()
            for missing in (os.path.join(folder, "none"), folder, os.path.join(path, "below")):
                self.assertEqual(Response.file(missing).status, 404)


class EventsTest(unittest.TestCase):
    def test_formats(self):
        events = ["a", "two\nlines\r\n\rend", {"data": "d", "event": "e", "id": 7, "retry": 100}, {"price": 42}, {"data": [1]}, b": ping\n\n", 5]
        response = Response.events(events)
        self.assertEqual(response.headers["content-type"], "text/event-stream; charset=utf-8")
        self.assertEqual(list(response.chunks), [
            b"data: a\n\n", b"data: two\ndata: lines\ndata: \ndata: end\n\n", b"event: e\nid: 7\nretry: 100\ndata: d\n\n",
            b'data: {"price":42}\n\n', b"data: [1]\n\n", b": ping\n\n", b"data: 5\n\n",
        ])

    def test_a_field_cannot_bring_another_one_along(self):
        with self.assertRaises(ValueError):
            list(Response.events([{"id": "1\ndata: x", "data": ""}]).chunks)


if __name__ == "__main__":
    unittest.main()
