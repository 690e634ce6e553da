"""One run at a time in an output folder.

The operating system holds the lock and gives it back when its process ends, however it ends: a lock is never stale.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO

from ..jobs import ErrorCode, RidgelineError
from ..raster.files import writing


class FolderLock:
    """An exclusive lock on a folder, which is made if need be.

    Args:
        folder: the folder; the lock is a file in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "lock"
        self._stream: IO[str] | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            RidgelineError: (OUTPUT_EXISTS) if another process holds it, (OUTPUT_NOT_WRITABLE).
        """
        while True:
            with writing(self._folder):
                self._folder.mkdir(parents=True, exist_ok=True)
                stream = self._path.open("a+", encoding="ascii")
            if not _try_lock(stream):
                stream.close()
                raise RidgelineError(
                    ErrorCode.OUTPUT_EXISTS,
                    f"Another run is working in the folder {str(self._folder.parent)!r}.",
                    "Wait until it has ended, or choose another output folder.",
                )
            if self._is_still(stream):
                break
            stream.close()  # the run before removed the file between our opening and locking it
        self._stream = stream

    def release(self, remove: bool = False) -> None:
        """Give the lock back; with ``remove``, remove its file, and its folder if that is then empty."""
        if self._stream is None:
            return
        if remove and sys.platform != "win32":  # while we hold it, so that nobody else can have locked the file
            self._path.unlink(missing_ok=True)
        self._stream.close()
        self._stream = None
        if remove:
            try:
                if sys.platform == "win32":  # there, an open file cannot be removed
                    self._path.unlink(missing_ok=True)
                self._folder.rmdir()
            except OSError:  # another run has begun in it
                pass

    def _is_still(self, stream: IO[str]) -> bool:
        try:
            there, ours = self._path.stat(), os.fstat(stream.fileno())
        except FileNotFoundError:
            return False
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)


def _try_lock(stream: IO[str]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            stream.seek(0)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
