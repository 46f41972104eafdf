"""Which files the gateway can send in our place: those in the folders it named, that its account may read.

Whatever is in doubt is sent by ourselves; the gateway answers 500 for a file that it cannot have.
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class SendFolders:
    __slots__ = ("_folders", "_uid")

    def __init__(self, folders: Sequence[str], uid: int | None) -> None:
        self._folders = [folder.rstrip("/") + "/" for folder in folders]
        self._uid = uid

    def find(self, path: str | bytes) -> str | None:
        """The path to tell the gateway. None: it cannot send this file."""
        if not self._folders:
            return None
        try:
            real = os.path.realpath(os.fsdecode(path))
            real.encode()  # a name that is not UTF-8 cannot be told
            for folder in self._folders:
                if real.startswith(folder):
                    return real if self._readable(folder, real) else None
        except (OSError, ValueError):
            pass
        return None

    def _readable(self, folder: str, path: str) -> bool:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            return False
        if self._uid is None or self._uid == os.geteuid() or self._uid == 0:
            return True
        if not self._may(status, stat.S_IRUSR, stat.S_IROTH):
            return False
        parent = os.path.dirname(path)
        while self._may(os.stat(parent), stat.S_IXUSR, stat.S_IXOTH):
            if len(parent) < len(folder) or parent == "/":
                return True  # what lies above the folder the gateway has passed
            parent = os.path.dirname(parent)
        return False

    def _may(self, status: os.stat_result, own: int, others: int) -> bool:
        return bool(status.st_mode & (own if status.st_uid == self._uid else others))
