import unittest

import harness
from gw import _msgpack, _packing
from gw import _wire as wire

SIZES = [0, 1, 255, 256, 65535, 65536]
IDS = [0, 1, 127, 128, 2**32, 2**53 - 1]


def pairs(headers, kind=None):
    return [(name.decode(), value.decode()) for name, value in _msgpack.unpack(_packing.pack_headers(headers, kind))]


class MessageTest(unittest.TestCase):
    """Messages packed by hand read back as written."""

    def test_of_any_width(self):
        head = _packing.pack_head(404, {"x-a": "b"})
        wanted = harness.fields(x_a="b")
        for number in IDS:
            for size in SIZES:
                body = b"x" * size
                for packed, message in [
                    (_packing.pack_answer(number, head, body), [wire.RES, number, 404, wanted, body]),
                    (_packing.pack_send(number, 1, body), [wire.SEND, number, 1, body]),
                    (_packing.pack_events(number, head, body), [wire.EVENTS, number, 404, wanted, body]),
                ]:
                    self.assertEqual(_msgpack.unpack(packed), message)
            for packed, message in [
                (_packing.pack_start(number, head), [wire.RES_START, number, 404, wanted, b""]),
                (_packing.pack_file(number, head, "/é"), [wire.RES_FILE, number, 404, wanted, "/é"]),
                (_packing.pack_accept(number, None, b"\x90"), [wire.ACCEPT, number, None, []]),
                (_packing.pack_accept(number, "a", b"\x90", b"s", "u", ["g"]), [wire.ACCEPT, number, "a", [], b"s", "u", ["g"]]),
                (_packing.pack_events(number, head, b"", b"s", "u", ["g"]), [wire.EVENTS, number, 404, wanted, b"", b"s", "u", ["g"]]),
                (_packing.pack_done(number, 200), [wire.DONE, number, 200]),
                (_packing.pack_ack(number), [wire.ACK, number]),
            ]:
                self.assertEqual(_msgpack.unpack(packed), message)

    def test_a_frame_holds_them_all(self):
        for count in (1, 15, 16, 128):
            frame = wire.frame([_packing.pack_send(number, 0, b"x") for number in range(count)])
            self.assertEqual(int.from_bytes(frame[:4], "big"), len(frame) - 4)
            self.assertEqual(_msgpack.unpack(frame[4:]), [[wire.SEND, number, 0, b"x"] for number in range(count)])


class HeadTest(unittest.TestCase):
    def setUp(self):
        for memory in (_packing._heads, _packing._pairs, _packing._names):
            memory.clear()

    def test_headers_of_any_form_are_the_same_each_time(self):
        class Mapping:
            def items(self):
                return iter([("a", "1"), ("b", "2")])

        wanted = [("a", "1"), ("b", "2")]
        for headers in ({"a": "1", "b": "2"}, [("a", "1"), ("b", "2")], (("a", "1"), ("b", "2")), [["a", "1"], ["b", "2"]], [(b"a", b"1"), ("b", 2)],
                        {"a": 1, "b": b"2"}, Mapping()):
            with self.subTest(headers):
                for _ in range(3):
                    self.assertEqual(pairs(headers), wanted)
                    self.assertEqual(_packing.pack_head(200, headers), b"\xcc\xc8" + _packing.pack_headers(headers))
        self.assertEqual(_packing.pack_head(200, iter([("a", "1")])), _packing.pack_head(200, {"a": "1"}))
        self.assertEqual(pairs({"a": ["1", "2"], "b": ("3", "4")}), [("a", "1"), ("a", "2"), ("b", "3"), ("b", "4")])
        many = {f"x-{n}": str(n) for n in range(300)}
        self.assertEqual(pairs(many), list(many.items()))

    def test_the_kind_stands_in_for_a_content_type(self):
        for _ in range(2):
            for headers, wanted in [(None, [("content-type", "a/b")]), ({"x": "y"}, [("content-type", "a/b"), ("x", "y")]),
                                    ([("x", "y")], [("x", "y"), ("content-type", "a/b")]), ({"Content-TYPE": "c"}, [("Content-TYPE", "c")]),
                                    ([(b"content-Type", b"c")], [("content-Type", "c")])]:
                self.assertEqual(pairs(headers, "a/b"), wanted)

    def test_what_equals_a_known_header_is_checked_all_the_same(self):
        self.assertEqual(pairs({"a": 1}), [("a", "1")])
        _packing.pack_head(200, {"a": 1})
        for headers in ({"a": True}, {"a": 1.0}):
            with self.assertRaises(TypeError):
                _packing.pack_head(200, headers)
        _packing.pack_head(200, {"a": "1"})
        with self.assertRaises(ValueError):
            _packing.pack_head(200.0, {"a": "1"})
        with self.assertRaises(ValueError):
            _packing.pack_head(600, {"a": "1"})

    def test_a_bad_header_is_refused_each_time(self):
        for headers in ({"a": "x\r\nb: y"}, {"a": ["x", "y\n"]}, [("a b", "x")], [("a", "x", "y")], [("a",)], ["a"], [1], {"a": bytearray(b"x")}, {"a": None},
                        {"é": "x"}, {b"\xff": "x"}, {"a": "\ud800"}):
            for _ in range(2):
                with self.subTest(headers), self.assertRaises((TypeError, ValueError)):
                    _packing.pack_head(200, headers)

    def test_what_is_remembered_is_bounded(self):
        for n in range(3000):
            _packing.pack_head(200, {f"x-{n}": "v", "x-n": str(n), "long": "l" * 2000})
        self.assertLessEqual(len(_packing._heads), 512)
        self.assertLessEqual(len(_packing._pairs), 1024)
        self.assertLessEqual(len(_packing._names), 1024)
        self.assertLess(max(map(len, _packing._pairs.values())), 600)


if __name__ == "__main__":
    unittest.main()
