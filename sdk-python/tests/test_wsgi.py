import contextlib
import io
import unittest
from wsgiref.validate import validator

import harness
from harness import request, serve
import gw.wsgi
from gw import _wire as wire


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


class WsgiTest(unittest.TestCase):
    def serve(self, application, *messages, check=True, **options):
        with contextlib.redirect_stderr(io.StringIO()) as log:
            written, _ = serve(gw.wsgi.worker(validator(application) if check else application), *messages, **options)
        self.log = log.getvalue()
        return [m for m in written.messages if m[0] not in (wire.READY, wire.ACK, wire.BYE)]

    def test_one_chunk_is_one_answer(self):
        for check in (True, False):
            (out,) = self.serve(hello, request(), check=check)
            self.assertEqual(out, [wire.RES, 1, 200, harness.fields(Content_Type="text/plain", Content_Length="5"), b"hello"], self.log)

    def test_the_environ_is_complete(self):
        seen = {}

        def application(environ, start_response):
            seen.update(environ, body=environ["wsgi.input"].read(10))
            return hello(environ, start_response)

        headers = "host: shop.test:81\ncontent-type: a/b\ncontent-length: 3\nx-one: 1\nx-one: 2\nx_two: forged\n"
        self.serve(application, request(1, "/caf%C3%A9", "q=1", "POST", headers, b"abc", flags=4 | 8), check=False)
        wanted = {
            "REQUEST_METHOD": "POST", "SCRIPT_NAME": "", "PATH_INFO": "/caf\xc3\xa9", "QUERY_STRING": "q=1", "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8080", "SERVER_PROTOCOL": "HTTP/1.0", "REMOTE_ADDR": "10.0.0.1", "REMOTE_PORT": "5000", "CONTENT_TYPE": "a/b",
            "CONTENT_LENGTH": "3", "HTTP_HOST": "shop.test:81", "HTTP_X_ONE": "1, 2", "wsgi.version": (1, 0), "wsgi.url_scheme": "https",
            "wsgi.multithread": False, "wsgi.multiprocess": True, "wsgi.run_once": False, "body": b"abc",
        }
        self.assertEqual({name: seen.get(name) for name in wanted}, wanted)
        self.assertNotIn("HTTP_X_TWO", seen)

    def test_tells_the_version_of_http(self):
        versions = []

        def application(environ, start_response):
            versions.append(environ["SERVER_PROTOCOL"])
            return hello(environ, start_response)

        self.serve(application, *[request(sid, flags=flags) for sid, flags in ((1, 0), (2, 8), (3, 32))], check=False)
        self.assertEqual(versions, ["HTTP/1.1", "HTTP/1.0", "HTTP/2"])

    def test_requests_do_not_share_their_environ(self):
        def application(environ, start_response):
            assert "mine" not in environ and "CONTENT_LENGTH" not in environ or environ["REQUEST_METHOD"] == "POST"
            environ["mine"] = True
            return hello(environ, start_response)

        out = self.serve(application, request(1, method="POST", body=b"chunked"), request(2), request(3))
        self.assertEqual([m[2] for m in out], [200, 200, 200], self.log)

    def test_a_body_in_a_file(self):
        import os
        import tempfile

        def application(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [environ["CONTENT_LENGTH"].encode() + environ["wsgi.input"].read(5)]

        with tempfile.NamedTemporaryFile() as file:
            file.write(b"x" * 1000)
            file.flush()
            (out,) = self.serve(application, request(body=os.fsencode(file.name), flags=2), check=False)
        self.assertEqual(out[4], b"1000xxxxx")

    def test_several_chunks_are_streamed_and_the_iterable_is_closed(self):
        closed = []

        class Body:
            def __iter__(self):
                yield b""
                yield b"a"
                yield b"b"

            def close(self):
                closed.append(True)

        def application(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return Body()

        for check in (True, False):
            closed.clear()
            out = self.serve(application, request(), check=check)
            self.assertEqual([(m[0], m[-1]) for m in out], [(wire.RES_START, b""), (wire.RES_CHUNK, b"a"), (wire.RES_CHUNK, b"b"), (wire.RES_END, b"")])
            self.assertEqual(closed, [True])

    def test_a_known_length_makes_it_one_answer(self):
        def application(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
            yield b"ab"

        self.assertEqual([m[0] for m in self.serve(application, request())], [wire.RES])

    def test_write(self):
        def application(environ, start_response):
            write = start_response("200 OK", [("Content-Type", "text/plain")])
            write(b"a")
            return [b"b", b"c"]

        out = self.serve(application, request())
        self.assertEqual([m[-1] for m in out], [b"", b"a", b"b", b"c", b""])

    def test_exceptions(self):
        def before(environ, start_response):
            raise ValueError("on purpose")

        def late(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            yield b"a"
            raise ValueError("on purpose")

        def never(environ, start_response):
            return [b"x"]

        for application, wanted in ((before, [wire.RES]), (never, [wire.RES]), (late, [wire.RES_START, wire.RES_CHUNK, wire.RES_END])):
            out = self.serve(application, request(), check=False)
            self.assertEqual([m[0] for m in out], wanted)
            self.assertIn(out[-1][2], (500, None))
            self.assertIn("failed", self.log)

    def test_a_second_start_needs_exc_info(self):
        import sys

        def application(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            try:
                raise ValueError
            except ValueError:
                start_response("503 Busy", [("Content-Type", "text/plain")], sys.exc_info())
            return [b"busy"]

        def wrong(environ, start_response):
            start_response("200 OK", [])
            start_response("200 OK", [])

        self.assertEqual(self.serve(application, request())[0][2], 503)
        self.assertEqual(self.serve(wrong, request(), check=False)[0][2], 500)

    def test_head_and_latin_1_headers(self):
        def application(environ, start_response):
            start_response("200 OK", [("X-Name", "caf\xe9")])
            return iter([b"a", b"b"])

        out = self.serve(application, request(method="HEAD"), check=False)
        self.assertEqual([m[0] for m in out], [wire.RES_START, wire.RES_END])
        self.assertEqual(dict(map(tuple, out[0][3]))[b"X-Name"], b"caf\xe9")

    def test_file_wrapper_and_large_bodies(self):
        def application(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return environ["wsgi.file_wrapper"](io.BytesIO(b"x" * 100_000))

        def large(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"x" * 300_000]

        def react(message):
            return [[wire.CREDIT, 1, len(message[2])]] if message[0] == wire.RES_CHUNK else None

        for made, size in ((application, 100_000), (large, 300_000)):
            out = self.serve(made, request(), check=False, react=react)
            self.assertEqual(sum(len(m[2]) for m in out if m[0] == wire.RES_CHUNK), size)
        self.assertIn([b"content-length", b"300000"], out[0][3])

    def test_what_is_kept_of_headers_is_bounded(self):
        self.serve(hello, *(request(sid, headers=f"x-n{sid}: 1\n") for sid in range(1, 1501)), check=False)
        self.assertLessEqual(len(gw.wsgi._keys), 1024)


if __name__ == "__main__":
    unittest.main()
