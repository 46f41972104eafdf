import functools
import unittest

import harness  # noqa: F401
import gw
from gw._callbacks import Callbacks, adapt, is_async


class AdaptTest(unittest.TestCase):
    def test_a_callback_takes_as_many_arguments_as_it_wants(self):
        class Handler:
            def method(self, a):
                return (a,)

            def __call__(self, a, b):
                return (a, b)

        def plain(a, b=None, *, c=None):
            return (a, b)

        @functools.wraps(plain)
        def wrapper(*arguments):
            return plain(*arguments)

        for function, wanted in [
            (lambda: (), ()), (lambda a: (a,), (1,)), (lambda a, b: (a, b), (1, 2)), (lambda a, b, c: (a, b, c), (1, 2, 3)),
            (lambda *all: all, (1, 2, 3)), (plain, (1, 2)), (wrapper, (1, 2)), (Handler().method, (1,)), (Handler(), (1, 2)),
            (functools.partial(plain, 0), (0, 1)),
        ]:
            self.assertEqual(adapt(function, 3)(1, 2, 3), wanted)

    def test_a_callback_that_fits_is_called_directly(self):
        def function(a, b):
            pass

        self.assertIs(adapt(function, 2), function)

    def test_knows_async_callbacks(self):
        class Handler:
            async def __call__(self):
                pass

            async def method(self):
                pass

        async def coroutine():
            pass

        for function in (coroutine, Handler(), Handler().method, functools.partial(coroutine)):
            self.assertTrue(is_async(function))
        for function in (lambda: None, len, Handler):
            self.assertFalse(is_async(function))


class WorkerTest(unittest.TestCase):
    def test_decorators_return_the_function(self):
        app = gw.Worker()
        for decorator in (app.on_request, app.on_connect, app.on_message, app.on_close, app.on_start, app.on_stop, app.on_buffer_full,
                          app.on_buffer_drain, app.every(1)):
            def function():
                pass

            self.assertIs(decorator(function), function)

    def test_only_what_is_registered_is_announced(self):
        self.assertEqual(Callbacks().events(), [])
        app = gw.Worker()
        app.on_message(print)
        app.on_buffer_drain(lambda: None)
        app.on_start(lambda: None)
        self.assertEqual(app._callbacks.events(), ["message", "buffer", "datagram"])

    def test_refuses_nonsense(self):
        with self.assertRaises(ValueError):
            gw.Worker(concurrency=0)
        for seconds in (0, -1, float("nan")):
            with self.assertRaises(ValueError):
                gw.Worker().every(seconds)(print)

    def test_the_gateway_needs_a_running_worker(self):
        with self.assertRaisesRegex(RuntimeError, "running worker"):
            gw.gateway.send(1, "x")


if __name__ == "__main__":
    unittest.main()
