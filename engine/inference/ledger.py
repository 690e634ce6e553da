"""The ledger of a run: what is finished, kept so that a run which was killed at any moment continues.

In the output folder lies a hidden folder ``.ridgeline`` with a lock and one folder for each job, named by the hash of
job, inputs and model. There, finished strips of every raster are kept (``raster.sinks``), and ``state.json`` says how
many bands are complete: it is replaced only when all strips of a band are on the disk. What a killed run left beyond
that is overwritten with the same bytes. A run that ends well removes the folder.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..jobs import RidgelineError, from_dict, to_dict
from ..raster.files import writing
from .lock import FolderLock

WORK_FOLDER = ".ridgeline"
_VERSION = 1


@dataclass(frozen=True)
class LedgerState:
    """How far a run is.

    Attributes:
        bands: complete bands, counted from the north.
        tiles: tiles by what became of them, over all calls.
        seconds: time spent so far, by phase, over all calls.
        publishing: whether results may have begun to appear under their final names.
        version: of the ledger's layout.
    """

    bands: int = 0
    tiles: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    publishing: bool = False
    version: int = _VERSION


def key_of(description: Mapping[str, Any]) -> str:
    """Return the name of a job's folder: a hash of all that its result depends on."""
    text = json.dumps(description, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


class Ledger:
    """The open ledger of one run; holds the output folder's lock.

    Args:
        out: the output folder, which exists.
        key: what `key_of` gave.
        sound: called before each commit; raises if what it would promise cannot be relied on.

    Raises:
        RidgelineError: (OUTPUT_EXISTS) if another run works in the folder, (OUTPUT_NOT_WRITABLE), (DISK_FULL).
    """

    def __init__(self, out: Path, key: str, sound: Callable[[], None] = lambda: None) -> None:
        self._sound = sound
        self._root = out / WORK_FOLDER
        self.left_over = self._root.exists()
        """Whether a run in this folder did not end, or was killed while it tidied up."""
        self.folder = self._root / key
        """Where the strips and whatever else is unfinished lie."""
        self._lock = FolderLock(self._root)
        self._lock.acquire()
        try:
            with writing(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
            self.state = self._read()
        except BaseException:
            self._lock.release()
            raise

    def commit(self, state: LedgerState) -> None:
        """Replace the state.

        The strips that it speaks of are on the disk already, so it need not wait for the disk itself: after a power
        cut an older state, or none, may be found, never one that promises too much.

        Raises:
            RidgelineError: (DISK_FULL), (OUTPUT_NOT_WRITABLE), and what ``sound`` raises.
        """
        self._sound()
        part = self.folder / "state.json.part"
        with writing(part):
            part.write_text(json.dumps(to_dict(state)), encoding="utf-8")
            part.replace(self.folder / "state.json")
        self.state = state

    def close(self) -> None:
        """Give the lock back; what is finished stays for a later call."""
        self._lock.release()

    def remove(self) -> None:
        """Remove all that is unfinished in the output folder, at the end of a run that went well, and close."""
        for entry in self._root.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
        self._lock.release(remove=True)

    def _read(self) -> LedgerState:
        try:
            state = from_dict(LedgerState, json.loads((self.folder / "state.json").read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, RidgelineError):  # never begun, or by another version
            return LedgerState()
        return state if state.version == _VERSION else LedgerState()
