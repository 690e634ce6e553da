"""One installation at a time, over all QGIS windows: a lock of the operating system, which ends with its holder.

A holder that crashed or was killed leaves no lock behind, because the operating system drops it with the process.
"""

import importlib
import json
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Callable, Optional, Type

from ...engine.jobs import Cancelled, ErrorCode, RidgelineError
from ..i18n import tr


def _module(name: str) -> Any:
    """Return a module that only some operating systems have, or None."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


fcntl = _module("fcntl")
msvcrt = _module("msvcrt")  # Windows
_POLL_S = 0.25


class InstallLock:
    """Holds the lock of a folder while used in a ``with`` statement; waits until it is free.

    Args:
        folder: the folder that only one may change; made if missing.
        waiting: called once when another holds the lock, with who that is.
        cancelled: asked while waiting.
    """

    def __init__(
        self,
        folder: Path,
        waiting: Callable[[str], None] = lambda holder: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self._file = folder / "install.lock"
        self._holder = folder / "install.json"
        self._waiting = waiting
        self._cancelled = cancelled
        self._handle: Any = None

    def __enter__(self) -> "InstallLock":
        """Wait for the lock.

        Raises:
            Cancelled: if the user did not want to wait.
            RidgelineError: (ENGINE_NOT_READY) if the folder cannot be written.
        """
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._handle = open(self._file, "a+b")
        except OSError as fault:
            raise RidgelineError(
                ErrorCode.ENGINE_NOT_READY,
                tr("The folder {folder} cannot be written: {fault}.", folder=self._file.parent, fault=fault),
                tr("Choose another folder for the engine on the Engine page."),
            ) from fault
        told = False
        while not _try_lock(self._handle):
            if not told:
                self._waiting(self._who())
                told = True
            if self._cancelled():
                self._handle.close()
                raise Cancelled()
            time.sleep(_POLL_S)
        self._holder.write_text(json.dumps({"pid": os.getpid(), "since": time.time()}), encoding="utf-8")
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        fault: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        """Give the lock back."""
        self._holder.unlink(missing_ok=True)
        _unlock(self._handle)
        self._handle.close()

    def _who(self) -> str:
        try:
            data = json.loads(self._holder.read_text(encoding="utf-8"))
            minutes = max(0.0, time.time() - float(data["since"])) / 60
            return tr("process {pid}, for {minutes:.0f} minutes", pid=data["pid"], minutes=minutes)
        except (OSError, ValueError, KeyError, TypeError):
            return tr("another QGIS window")


def _try_lock(handle: Any) -> bool:
    try:
        if fcntl is not None:
            fcntl.flock(handle.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            handle.seek(0)
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    return True


def _unlock(handle: Any) -> None:
    if fcntl is not None:
        fcntl.flock(handle.fileno(), fcntl.LOCK_UN)
    else:
        handle.seek(0)
        msvcrt.locking(handle.fileno(), msvcrt.LK_UNLCK, 1)
