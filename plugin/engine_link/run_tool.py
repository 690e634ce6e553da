"""Run an installer's command to its end: lines go to a log as they come, cancel and a silence limit end it."""

import queue
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from typing import BinaryIO, Callable, List, Mapping, Optional, Sequence

from ...engine.jobs import Cancelled
from . import process_tree

TOOL_SILENCE_S = 900.0
_POLL_S = 0.1


@dataclass(frozen=True)
class ToolRun:
    """How a command ended.

    Attributes:
        status: exit status; None if it was ended because it had said nothing for too long.
        output: all that it wrote, both streams in the order in which lines came.
    """

    status: Optional[int]
    output: str


def run_tool(
    command: Sequence[str],
    environment: Mapping[str, str],
    log: Callable[[str], None] = lambda line: None,
    cancelled: Callable[[], bool] = lambda: False,
    silence_s: float = TOOL_SILENCE_S,
    platform: str = sys.platform,
) -> ToolRun:
    """Run ``command`` and return how it ended.

    Raises:
        Cancelled: if ``cancelled`` said so; nothing of the command runs any more.
        OSError: if it cannot be started.
    """
    with tempfile.TemporaryDirectory(prefix="ridgeline-setup-") as folder:
        process = process_tree.start(command, environment, folder, keep_input=False, platform=platform)
        lines: queue.Queue[str] = queue.Queue()
        streams = [stream for stream in (process.stdout, process.stderr) if stream is not None]
        readers = [threading.Thread(target=_read, args=(stream, lines), daemon=True) for stream in streams]
        for reader in readers:
            reader.start()
        kept: List[str] = []
        heard = time.monotonic()
        silent = False
        try:
            while process.poll() is None or any(reader.is_alive() for reader in readers) or not lines.empty():
                if cancelled():
                    raise Cancelled()
                try:
                    line = lines.get(timeout=_POLL_S)
                except queue.Empty:
                    if time.monotonic() - heard > silence_s:
                        silent = True
                        break
                    continue
                heard = time.monotonic()
                kept.append(line)
                log(line)
        finally:
            if process.poll() is None or any(reader.is_alive() for reader in readers):
                process_tree.end_tree(process, force=True, platform=platform)
            process.wait()
            for reader in readers:
                reader.join(timeout=2)
            for stream, reader in zip(streams, readers):
                if not reader.is_alive():
                    stream.close()
    return ToolRun(None if silent else process.returncode, "\n".join(kept))


def _read(stream: BinaryIO, lines: "queue.Queue[str]") -> None:
    for line in iter(lambda: stream.readline(65536), b""):
        lines.put(line.decode("utf-8", "replace").rstrip())
