import random
import struct
import unittest

import harness
from gw import _msgpack

try:
    import msgpack
except ImportError:
    msgpack = None

GOLDEN = [
    (None, "c0"), (False, "c2"), (True, "c3"), (0, "00"), (127, "7f"), (128, "cc80"), (255, "ccff"), (256, "cd0100"), (65535, "cdffff"),
    (65536, "ce00010000"), (2**32, "cf0000000100000000"), (-1, "ff"), (-32, "e0"), (1.5, "cb3ff8000000000000"), ("", "a0"),
    ("é", "a2c3a9"), ("a" * 31, "bf" + "61" * 31), ("a" * 32, "d920" + "61" * 32), (b"", "c400"), (b"\xff", "c401ff"), ([], "90"),
    ([1, [2]], "92019102"), ({}, "80"), ({"a": 1}, "81a16101"),
]
SIZES = [0, 15, 16, 31, 32, 255, 256, 65535, 65536]


class PackTest(unittest.TestCase):
    def test_packs_and_unpacks_the_examples_of_the_specification(self):
        for value, packed in GOLDEN:
            self.assertEqual(_msgpack.pack(value).hex(), packed, value)
            self.assertEqual(_msgpack.unpack(bytes.fromhex(packed)), value)

    def test_every_width_of_a_length_survives(self):
        for size in SIZES:
            for value in ("x" * size, b"x" * size, [1] * size, {str(n): n for n in range(size)}):
                self.assertEqual(_msgpack.unpack(_msgpack.pack(value)), value)

    def test_reads_integers_of_every_width(self):
        for packed, value in [("d080", -128), ("d18000", -(2**15)), ("d280000000", -(2**31)), ("d38000000000000000", -(2**63)),
                              ("cc01", 1), ("cd0001", 1), ("ce00000001", 1), ("cf0020000000000000", 2**53), ("ca3fc00000", 1.5)]:
            self.assertEqual(_msgpack.unpack(bytes.fromhex(packed)), value)

    def test_packs_subclasses_as_what_they_are(self):
        class Text(str):
            pass

        self.assertEqual(_msgpack.pack([Text("a"), bytearray(b"b"), memoryview(b"c"), (1,)]).hex(), "94a161c40162c401639101")

    def test_refuses_what_has_no_type(self):
        for value in (object(), {1, 2}, 1j):
            with self.assertRaises(TypeError):
                _msgpack.pack(value)
        with self.assertRaises(OverflowError):
            _msgpack.pack(2**64)

    def test_refuses_what_is_not_one_value(self):
        for bad in ("c1", "d40000", "c70100", "c403ff", "92", "9201", "81a161", "81c001", "8101c0", "0102", "a1ff", "ddffffffff", "ca00"):
            with self.subTest(bad), self.assertRaises((ValueError, IndexError, struct.error)):
                _msgpack.unpack(bytes.fromhex(bad))


class ShortCutTest(unittest.TestCase):
    """The hot messages are read by hand: they must come out as by the general way."""

    def test_requests_and_messages_of_any_width(self):
        for number in (1, 127, 128, 65536, 2**40):
            for size in SIZES:
                batch = [harness.request(number, path="/" + "p" * size, headers="a: " + "b" * size + "\n", body=b"x" * size),
                         [0x31, number, 1, b"y" * size], [0x10, number, 300, 1, "p" * size, "GET", b"", b"", b"", b""]]
                self.assertEqual(_msgpack.unpack(_msgpack.pack(batch)), batch)


@unittest.skipIf(msgpack is None, "msgpack is not installed")
class ComparisonTest(unittest.TestCase):
    def test_agrees_with_msgpack_on_random_values(self):
        dice = random.Random(1)
        for _ in range(500):
            value = _random_value(dice, 0)
            self.assertEqual(msgpack.unpackb(_msgpack.pack(value)), value)
            self.assertEqual(_msgpack.unpack(msgpack.packb(value)), value)


def _random_value(dice, depth):
    kind = dice.random()
    if depth < 4 and kind < 0.2:
        return [_random_value(dice, depth + 1) for _ in range(dice.choice([0, 1, 15, 16]))]
    if depth < 4 and kind < 0.4:
        return {str(n): _random_value(dice, depth + 1) for n in range(dice.choice([0, 1, 15, 16]))}
    return dice.choice([None, True, False, dice.randrange(-(2**63), 2**64), dice.randrange(-300, 300), dice.random(), "a" * dice.randrange(300),
                        b"b" * dice.randrange(300), "é" * dice.randrange(20)])


if __name__ == "__main__":
    unittest.main()
