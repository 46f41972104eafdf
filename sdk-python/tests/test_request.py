import os
import tempfile
import unittest

import harness
from gw import BadRequest, Headers, MultiMap, Request
from gw import _mapping


def made(**fields):
    return Request(harness.request(**fields))


class RequestTest(unittest.TestCase):
    def test_tells_what_the_message_says(self):
        request = made(sid=42, method="PUT", path="/caf%C3%A9/a%20b", query="q=1%202", flags=4)
        self.assertEqual((request.id, request.method, request.path, request.target, request.peer, request.scheme, request.host),
                         (42, "PUT", "/café/a b", "/caf%C3%A9/a%20b?q=1%202", "10.0.0.1:5000", "https", "shop.test"))
        self.assertEqual(made(path="/x").target, "/x")
        self.assertEqual(made().scheme, "http")
        self.assertEqual([made(flags=flags).protocol for flags in (0, 8, 32, 36)], ["HTTP/1.1", "HTTP/1.0", "HTTP/2", "HTTP/2"])

    def test_odd_paths_do_not_fail(self):
        message = harness.request()
        for path, wanted in ((b"/%", "/%"), (b"/%ff\xfe", "/��"), (b"/%zz", "/%zz"), (b"*", "*"), (b"/%00", "/\0")):
            message[6] = path
            self.assertEqual(Request(message).path, wanted)
        self.assertEqual(Request(message).target, "/%00")

    def test_headers_ignore_case_and_join_repeats(self):
        headers = made(headers="host: a\naccept: x\naccept: y\ncookie: a=1\ncookie: b=2\nx-latin: \xe9\nx-empty: \n").headers
        self.assertIsInstance(headers, Headers)
        self.assertEqual(headers["Accept"], "x, y")
        self.assertEqual(headers.get_all("ACCEPT"), ["x", "y"])
        self.assertEqual(headers["cookie"], "a=1; b=2")
        self.assertEqual((headers["X-Latin"], headers["x-empty"]), ("é", ""))
        self.assertEqual(headers.pairs()[1:3], (("accept", "x"), ("accept", "y")))
        self.assertEqual((headers.get("Accept"), headers.get("X-None", "default")), ("x, y", "default"))
        self.assertIn("HOST", headers)
        self.assertNotIn("x-none", headers)
        self.assertIsNone(headers.get("X-None"))
        with self.assertRaises(KeyError):
            headers["x-none"]

    def test_the_cache_of_headers_is_bounded(self):
        for n in range(1000):
            made(headers=f"x-n: {n}\n").headers
        self.assertLessEqual(len(_mapping._cache), 256)
        made(headers="x: " + "y" * 5000 + "\n").headers
        self.assertTrue(all(len(block) <= 4096 for block in _mapping._cache))

    def test_query(self):
        query = made(query="a=1&b=%C3%A9+x&a=2&empty=&flag&&=z&bad=%ff%").query
        self.assertIsInstance(query, MultiMap)
        self.assertEqual(query["a"], "2")
        self.assertEqual(query.get_all("a"), ["1", "2"])
        self.assertEqual((query["b"], query["empty"], query["flag"], query[""], query["bad"]), ("é x", "", "", "z", "�%"))
        self.assertEqual(query.get("none", "default"), "default")
        self.assertEqual(dict(made().query), {})

    def test_a_query_reads_the_same_with_and_without_escapes(self):
        for query in ("n=1", "a=1&b=2", "a=1&a=2&b=3", "flag&&=z&", "&", "=", "a==b=&c", "caf\xe9=\u20ac&x", "a=&a"):
            plain, escaped = made(query=query).query, made(query=query.replace("a", "%61") + "&%").query
            self.assertEqual((*plain.pairs(), ("%", "")), escaped.pairs(), query)
            self.assertEqual({**plain, "%": ""}, dict(escaped), query)
        message = harness.request()
        message[7] = b"a=\xff\xc3&b=\xe2\x82"
        self.assertEqual(dict(Request(message).query.items()), {"a": "\ufffd\ufffd", "b": "\ufffd"})

    def test_cookies(self):
        cookies = made(headers='cookie: a=1; b="two words"; a=3; broken; =x; c=\ncookie: d=4\n').cookies
        self.assertEqual(cookies, {"a": "1", "b": "two words", "": "x", "c": "", "d": "4"})
        self.assertEqual(made().cookies, {})

    def test_json(self):
        for body in (b'{"a": [1]}', b' {"a": [1]}\r\n\t ', b'\xef\xbb\xbf{"a": [1]}', '{"a": [1]}'.encode("utf-16")):
            self.assertEqual(made(body=body).json(), {"a": [1]})
        for body in (b"", b"{", b"\xff", b"1 2", b"1\x0b", b"[" * 100_000):
            with self.assertRaises(BadRequest):
                made(body=body).json()

    def test_a_large_body_lies_in_a_file(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"x" * 1000)
            file.flush()
            request = made(body=os.fsencode(file.name), flags=2)
            self.assertEqual(request.body_file, file.name)
            self.assertEqual(request.body, b"x" * 1000)
            self.assertIs(request.body, request.body)
        self.assertIsNone(made(body=b"x").body_file)


if __name__ == "__main__":
    unittest.main()
