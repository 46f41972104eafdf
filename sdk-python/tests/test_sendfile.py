import asyncio
import contextlib
import io
import os
import tempfile
import unittest

import harness
from harness import request, serve
import gw.asgi
import gw.wsgi
from gw import Response, Worker
from gw import _wire as wire
from gw._sendfile import SendFolders


class Base(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = os.path.realpath(folder.name)
        os.mkdir(self.root + "/files")
        self.path = self.root + "/files/report.pdf"
        for path in (self.path, self.root + "/outside.pdf"):
            with open(path, "wb") as file:
                file.write(b"content")
        self.options = {"sendfile": [self.root + "/files"], "uid": os.geteuid()}

    def run_with(self, worker, *messages, **options):
        with contextlib.redirect_stderr(io.StringIO()) as log:
            written, _ = serve(worker, *messages, **(options or self.options))
        self.log = log.getvalue()
        return [m for m in written.messages if m[0] not in (wire.READY, wire.ACK, wire.DONE, wire.BYE)]

    def body(self, out):
        return b"".join(m[-1] or b"" for m in out)


class FoldersTest(Base):
    def test_only_files_in_a_folder_of_the_gateway(self):
        os.symlink(self.path, self.root + "/link-in")
        os.symlink(self.root + "/outside.pdf", self.root + "/files/link-out")
        os.mkfifo(self.root + "/files/fifo")
        folders = SendFolders([self.root + "/files"], os.geteuid())
        for path, wanted in {
            self.path: self.path, self.root + "/files/../files//report.pdf": self.path, self.root + "/link-in": self.path,
            self.root + "/outside.pdf": None, self.root + "/files/link-out": None, self.root + "/files/../outside.pdf": None,
            self.root + "/files": None, self.root + "/files/fifo": None, self.root + "/files/none": None, self.root + "/files2": None, "a\0b": None,
        }.items():
            with self.subTest(path):
                self.assertEqual(folders.find(path), wanted)
        self.assertEqual(folders.find(os.fsencode(self.path)), self.path)
        self.assertIsNone(SendFolders([], 0).find(self.path))
        self.assertEqual(SendFolders(["/"], 0).find(self.path), self.path)

    def test_a_gateway_of_another_account_must_be_allowed_to_read_it(self):
        other = os.geteuid() + 1
        for mode, folder, wanted in [(0o644, 0o755, True), (0o640, 0o755, False), (0o644, 0o750, False), (0o604, 0o701, True)]:
            with self.subTest(f"{mode:o} {folder:o}"):
                os.chmod(self.path, mode)
                os.chmod(self.root + "/files", folder)
                self.assertEqual(SendFolders([self.root + "/files"], other).find(self.path) is not None, wanted)
        os.chmod(self.path, 0o600)
        self.assertIsNotNone(SendFolders([self.root + "/files"], 0).find(self.path))


class WorkerTest(Base):
    def serve(self, answer, *messages, asynchronous=False, **options):
        worker = Worker()
        if asynchronous:

            @worker.on_request
            async def index(request):
                await asyncio.sleep(0)
                return answer()
        else:
            worker.on_request(lambda request: answer())
        return self.run_with(worker, *messages or [request(1)], **options)

    def test_the_gateway_sends_it(self):
        for asynchronous in (False, True):
            out = self.serve(lambda: Response.file(self.path, status=203, headers={"x-a": "b"}), asynchronous=asynchronous)
            self.assertEqual(out, [[wire.RES_FILE, 1, 203, harness.fields(content_type="application/pdf", content_length="7", x_a="b"), self.path]])

    def test_what_it_cannot_send_the_worker_sends(self):
        for asynchronous in (False, True):
            out = self.serve(lambda: Response.file(self.root + "/outside.pdf"), asynchronous=asynchronous)
            self.assertEqual(out[0][0], wire.RES_START)
            self.assertEqual(self.body(out), b"content")

    def test_a_gateway_that_names_no_folder(self):
        self.assertEqual(self.serve(lambda: Response.file(self.path), debug=False)[0][0], wire.RES_START)

    def test_a_file_that_is_to_be_deleted(self):
        out = self.serve(lambda: Response.file(self.path, delete=True))
        self.assertEqual((out[0][0], self.body(out), os.path.exists(self.path)), (wire.RES_START, b"content", False))

    def test_bad_headers_are_a_500(self):
        out = self.serve(lambda: Response.file(self.path, headers={"x\n": "y"}))
        self.assertEqual((out[0][0], out[0][2]), (wire.RES, 500))


class WsgiTest(Base):
    def serve(self, body, status="200 OK", headers=()):
        def application(environ, start_response):
            start_response(status, list(headers))
            return environ["wsgi.file_wrapper"](body())

        return self.run_with(gw.wsgi.worker(application), request(1))

    def test_a_plain_file_is_sent_by_the_gateway_and_closed(self):
        file = open(self.path, "rb")
        out = self.serve(lambda: file, headers=[("Content-Type", "a/b"), ("Content-Length", "7")])
        self.assertEqual(out, [[wire.RES_FILE, 1, 200, harness.fields(Content_Type="a/b", Content_Length="7"), self.path]])
        self.assertTrue(file.closed)

    def test_anything_else_is_sent_by_the_worker(self):
        def read_from():
            file = open(self.path, "rb")
            file.read(3)
            return file

        def renamed():
            file = open(self.path, "rb")
            os.rename(self.path, self.path + "2")
            return file

        def temporary():
            file = tempfile.NamedTemporaryFile(dir=self.root + "/files")
            file.write(b"content")
            file.seek(0)
            return file

        cases = [
            (lambda: io.BytesIO(b"content"), "200 OK", [], b"content"), (temporary, "200 OK", [], b"content"), (read_from, "200 OK", [], b"tent"),
            (lambda: open(self.path, "rb"), "206 Partial Content", [], b"content"), (lambda: open(self.path, "rb"), "200 OK", [("Content-Length", "3")], b"content"),
            (lambda: open(self.root + "/outside.pdf", "rb"), "200 OK", [], b"content"), (renamed, "200 OK", [], b"content"),
        ]
        for number, (body, status, headers, wanted) in enumerate(cases):
            with self.subTest(number):
                out = self.serve(body, status, headers)
                self.assertNotIn(wire.RES_FILE, [m[0] for m in out])
                self.assertEqual(self.body(out), wanted)


class AsgiTest(Base):
    def serve(self, path, method="GET", start=True):
        async def application(scope, receive, send):
            if scope["type"] == "lifespan":
                raise NotImplementedError
            self.assertIn("http.response.pathsend", scope["extensions"])
            if start:
                await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"a/b")]})
            await send({"type": "http.response.pathsend", "path": path})

        return self.run_with(gw.asgi.worker(application), request(1, method=method))

    def test_path_send_is_the_gateways_work(self):
        self.assertEqual(self.serve(self.path), [[wire.RES_FILE, 1, 200, [[b"content-type", b"a/b"]], self.path]])

    def test_path_send_of_what_the_gateway_cannot_send(self):
        out = self.serve(self.root + "/outside.pdf")
        self.assertEqual((out[0][0], out[-1][0], self.body(out)), (wire.RES_START, wire.RES_END, b"content"))
        self.assertEqual(self.body(self.serve(self.root + "/outside.pdf", "HEAD")), b"")

    def test_path_send_before_the_start_is_a_500(self):
        out = self.serve(self.path, start=False)
        self.assertEqual(out[0][2], 500)


if __name__ == "__main__":
    unittest.main()
