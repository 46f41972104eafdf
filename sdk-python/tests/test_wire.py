import json
import unittest
from unittest import mock

import harness
from gw import _codec, _msgpack
from gw import _wire as wire

VECTORS = harness.SDK.parent / "protocol" / "testdata" / "wire-vectors.json"


def revive(value):
    """The value a vector stands for: bytes are written as {"$bytes": hex}."""
    if isinstance(value, dict):
        return bytes.fromhex(value["$bytes"]) if value.keys() == {"$bytes"} else {name: revive(item) for name, item in value.items()}
    return [revive(item) for item in value] if isinstance(value, list) else value


def same(value):
    """nil and the empty array mean the same in the vectors of lists."""
    if isinstance(value, (list, tuple)):
        return [[] if item is None else same(item) for item in value]
    return {name: same(item) for name, item in value.items()} if isinstance(value, dict) else value


class Suite:
    """Every test runs with each codec."""

    def setUp(self):
        patch = mock.patch.object(wire, "unpack", self.codec.unpack)
        patch.start()
        self.addCleanup(patch.stop)

    def decode(self, data, **options):
        return wire.FrameDecoder(**options).feed(data)

    @unittest.skipUnless(VECTORS.exists(), "the vectors lie beside this folder in gw's repository")
    def test_reads_the_gateways_vectors(self):
        for vector in json.loads(VECTORS.read_text())["frames"]:
            if vector["from"] == "gateway":
                with self.subTest(vector["name"]):
                    wanted = [message for message in revive(vector["messages"]) if message[0] < 0x80]
                    self.assertEqual(self.decode(bytes.fromhex(vector["hex"])), wanted)

    @unittest.skipUnless(VECTORS.exists(), "the vectors lie beside this folder in gw's repository")
    def test_writes_the_workers_vectors(self):
        for vector in json.loads(VECTORS.read_text())["frames"]:
            if vector["from"] == "worker":
                with self.subTest(vector["name"]):
                    messages = revive(vector["messages"])
                    theirs = _msgpack.unpack(bytes.fromhex(vector["hex"])[4:])
                    ours = _msgpack.unpack(wire.frame([self.codec.pack(tuple(message)) for message in theirs])[4:])
                    self.assertEqual(same(ours), same(messages))

    @unittest.skipUnless(VECTORS.exists(), "the vectors lie beside this folder in gw's repository")
    def test_refuses_the_invalid_vectors(self):
        for vector in json.loads(VECTORS.read_text())["invalid"]:
            with self.subTest(vector["name"]), self.assertRaises(wire.ProtocolError):
                self.decode(bytes.fromhex(vector["hex"]))

    def test_frames_may_arrive_in_any_pieces(self):
        stream = harness.encode([wire.PING, 1]) + harness.encode(harness.request(), harness.text("hello")) + harness.encode([wire.PING, 2])
        whole = self.decode(stream)
        self.assertEqual(len(whole), 4)
        for cut in range(len(stream) + 1):
            decoder = wire.FrameDecoder()
            self.assertEqual(decoder.feed(stream[:cut]) + decoder.feed(stream[cut:]), whole)
        decoder = wire.FrameDecoder()
        self.assertEqual([message for at in range(len(stream)) for message in decoder.feed(stream[at : at + 1])], whole)

    def test_large_frames_arrive_in_pieces(self):
        message = harness.binary(b"x" * 900_000)
        stream = harness.encode(message)
        decoder = wire.FrameDecoder()
        self.assertEqual([m for at in range(0, len(stream), 65536) for m in decoder.feed(stream[at : at + 65536])], [message])

    def test_refuses_lengths_out_of_range(self):
        for head in (b"\0\0\0\0", b"\0\x10\0\1", b"Hello"):
            with self.assertRaises(wire.ProtocolError):
                self.decode(head, max_frame=1 << 20)

    def test_refuses_messages_that_are_not_in_the_table(self):
        for message in ([], [None], ["x"], 5, [0x7F, 1], [wire.RES, 1, 200, [], b""], [wire.MSG, 1, 0], [wire.MSG, 1, 0, "text"],
                        [wire.MSG, 1.5, 0, b""], [wire.MSG, True, 0, b""], [wire.REPLY, 1, 1, 0], [wire.PING]):
            with self.subTest(message), self.assertRaises(wire.ProtocolError):
                self.decode(harness.encode(message))

    def test_refuses_deep_nesting_and_ext_types(self):
        deep = 1
        for _ in range(8):
            deep = [deep]
        with self.assertRaises(wire.ProtocolError):
            self.decode(harness.encode([wire.REPLY, 1, True, deep]))
        for ext in ("d6ff00000000", "d40100", "c7030100ffff"):  # a timestamp first: some decoders know it
            payload = bytes.fromhex("91940401c3" + ext)
            with self.assertRaises(wire.ProtocolError):
                self.decode(len(payload).to_bytes(4, "big") + payload)

    def test_passes_over_what_a_later_version_may_add(self):
        stream = harness.encode([0x90, "new"], [wire.PING, 1, "more"], [0xFF])
        self.assertEqual(self.decode(stream), [[wire.PING, 1, "more"]])


class PythonCodecTest(Suite, unittest.TestCase):
    codec = _msgpack


@unittest.skipIf(_codec.CODEC == "python", "msgpack is not installed")
class MsgpackCodecTest(Suite, unittest.TestCase):
    codec = _codec


if __name__ == "__main__":
    unittest.main()
