"""Real handler processes over real pipes."""

import os
import signal
import subprocess
import sys
import unittest

import harness
from harness import CODECS, DRAIN, Child, encode, opened, request, text
from gw import _wire as wire


class Suite:
    """Every test runs with each codec and each loop."""

    environment = {}

    def child(self, handler="every_callback.py", **options):
        child = Child(handler, codec=self.codec, environment=self.environment, **options)
        self.addCleanup(child.__exit__)
        return child

    def test_a_whole_life(self):
        child = self.child()
        ready = child.wait_for(wire.READY)[0]
        self.assertEqual(ready[1], 1)
        self.assertEqual(ready[2]["pid"], child.process.pid)
        self.assertEqual((ready[2]["language"], ready[2]["events"]), ("python", ["request", "message", "datagram"]))
        self.assertEqual(ready[2]["concurrency"], 256 if self.environment else 1)
        child.send(request(1, "/a"), opened(), text("hello"))
        self.assertEqual(child.wait_for(wire.RES)[0][4], b"/a")
        self.assertEqual(child.wait_for(wire.SEND), [[wire.SEND, 300, 0, b"hello"]])
        child.send(DRAIN)
        self.assertEqual(child.finish(), (0, "stopped\n", ""))
        self.assertEqual(child.written.messages[-1], [wire.BYE, "drain", 0])

    def test_a_lone_message_is_answered_at_once(self):
        child = self.child()
        for n in range(1, 20):
            child.send(request(n))
            child.wait_for(wire.RES, n)

    def test_failures_and_prints_do_not_touch_the_protocol(self):
        child = self.child()
        child.send(request(1, "/print"), request(2, "/fail"), request(3, "/a"))
        answers = {m[1]: m for m in child.wait_for(wire.RES, 3)}
        self.assertEqual([answers[sid][2] for sid in (1, 2, 3)], [200, 500, 200])
        # stdin, stdout, stderr and the folder being listed: neither pipe is inherited by subprocesses.
        self.assertEqual(len(eval(answers[1][4])), 4)
        child.send(DRAIN)
        code, out, err = child.finish()
        self.assertEqual((code, out), (0, "printed\nwritten to descriptor 1\nstopped\n"))
        self.assertIn("request 2 GET /fail failed", err)

    def test_exit_in_a_request(self):
        child = self.child()
        child.send(request(1, "/a"), request(2, "/exit"))
        code, _, _ = child.finish()
        self.assertEqual(code, 5)
        self.assertEqual({m[1]: m[2] for m in child.written.messages if m[0] == wire.RES}, {1: 200, 2: 500})
        self.assertEqual(child.written.messages[-1], [wire.BYE, "exit", 0])

    def test_the_end_of_the_pipe(self):
        child = self.child()
        child.hang_up()
        self.assertEqual(child.finish()[0], 0)

    def test_garbage(self):
        child = self.child()
        child.send_bytes(b"Hello World, this is not a frame\n")
        code, _, err = child.finish()
        self.assertEqual(code, 70)
        self.assertIn("protocol violation", err)

    def test_frames_in_single_bytes(self):
        child = self.child()
        for byte in encode(request(1, "/a"), opened(), text("x" * 300)):
            child.send_bytes(bytes((byte,)))
        child.wait_for(wire.RES)
        self.assertEqual(child.wait_for(wire.SEND)[0][3], b"x" * 300)

    def test_a_frame_larger_than_the_pipe(self):
        child = self.child()
        child.send(opened())
        reader = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"],
                                  stdin=subprocess.PIPE, stdout=child._out)  # writes while we read
        reader.stdin.write(encode(text("x" * 500_000)))
        reader.stdin.close()
        self.assertEqual(child.wait_for(wire.SEND)[0][3], b"x" * 500_000)
        self.assertEqual(reader.wait(), 0)

    def test_timers_fire_while_idle_and_between_requests(self):
        child = self.child("ticks.py")
        child.wait_for(wire.BROADCAST, 3)
        child.send(request(1))
        child.wait_for(wire.RES)
        child.wait_for(wire.BROADCAST, len(child.wait_for(wire.BROADCAST)) + 3)
        child.send(DRAIN)
        code, _, err = child.finish()
        self.assertEqual(code, 0)
        self.assertIn("timer failed", err)


for codec in CODECS:
    for loop, environment in (("Blocking", {}), ("Async", {"GW_TEST_ASYNC": "1"})):
        name = f"{loop}{codec.capitalize()}Test"
        globals()[name] = type(name, (Suite, unittest.TestCase), {"codec": codec, "environment": environment})
del Suite


class StartTest(unittest.TestCase):
    def test_without_gw_the_program_says_how_to_start_it(self):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GW_")}
        environment["PYTHONPATH"] = str(harness.SDK)
        ran = subprocess.run([sys.executable, str(harness.TESTS / "handlers" / "hangs.py")], env=environment, capture_output=True, text=True)
        self.assertEqual(ran.returncode, 64)
        self.assertIn("gw start hangs.py", ran.stderr)

    def test_a_hung_worker_shows_its_stacks(self):
        with Child("hangs.py") as child:
            child.send(request(1))
            self.assertEqual(child.process.stderr.readline(), b"hanging\n")
            child.process.send_signal(signal.SIGUSR2)
            shown = b""
            while b"stuck_here" not in shown:
                line = child.process.stderr.readline()
                self.assertTrue(line)
                shown += line

    def test_a_plain_worker_loads_nothing_slow(self):
        loaded = subprocess.run([sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(harness.SDK)!r}); import gw; print(*sys.modules)"],
                                capture_output=True, text=True, check=True, env={**os.environ, "GW_CODEC": "python"}).stdout.split()
        slow = {"asyncio", "inspect", "dataclasses", "typing", "json", "traceback", "html", "re", "urllib.parse", "mimetypes", "email", "select"}
        self.assertEqual(slow & set(loaded), set())


class ApplicationTest(unittest.TestCase):
    """python -m gw"""

    def answer(self, *arguments):
        with Child("", arguments=["-m", "gw", *arguments]) as child:
            child.send(request(1))
            return child.wait_for(wire.RES)[0][4]

    def test_finds_out_what_it_runs(self):
        for arguments, wanted in [
            (["handlers.applications:wsgi"], b"wsgi"), (["handlers.applications:asgi"], b"asgi"), (["handlers.applications"], b"wsgi"),
            (["handlers.applications:holder.nested"], b"asgi"), (["handlers.applications:worker"], b"worker"),
            (["--factory", "handlers.applications:make"], b"wsgi"),
        ]:
            self.assertEqual(self.answer(*arguments), wanted, arguments)

    def test_says_what_is_missing(self):
        with Child("", arguments=["-m", "gw", "handlers.applications:none"], greet=False) as child:
            code, _, err = child.finish()
            self.assertEqual(code, 1)
            self.assertIn("has no none", err)


if __name__ == "__main__":
    unittest.main()
