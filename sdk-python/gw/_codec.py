"""Chooses the msgpack codec: the C one of the package `msgpack` when it is installed, else ours in Python.

msgpack's own fallback in Python is not used: ours knows the hot messages and is about five times as fast.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

pack: Callable[[Any], bytes]  # any value
unpack: Callable[[bytes], Any]


def _refuse_ext(code: int, data: bytes) -> Any:
    raise ValueError(f"ext type {code}")


try:
    if os.environ.get("GW_CODEC") == "python":  # for tests and measurements
        raise ImportError
    from msgpack._cmsgpack import Packer as _Packer  # type: ignore[import-not-found,import-untyped,unused-ignore]
    from msgpack._cmsgpack import unpackb as _unpackb  # type: ignore[import-not-found,import-untyped,unused-ignore]

    pack = _Packer(use_bin_type=True).pack

    def unpack(data: bytes) -> Any:
        return _unpackb(data, raw=False, strict_map_key=True, ext_hook=_refuse_ext)

    CODEC = "msgpack"
except (ImportError, TypeError):  # TypeError: a msgpack older than 1.0
    from ._msgpack import pack, unpack

    CODEC = "python"
