"""Ask the engine something that is answered at once, as JSON: ``ridgeline models list`` and the like."""

import json
import sys
import tempfile
import threading
import time
from typing import Any, BinaryIO, Callable, List, Sequence

from ...engine.jobs import Cancelled, ErrorCode, RidgelineError
from ..i18n import tr
from . import process_tree
from .child_environment import child_environment, qgis_variables
from .engine import Engine
from .exit_codes import explain_exit
from .host import qgis_folders

LIMIT_S = 600.0
_POLL_S = 0.1
_MAX_BYTES = 16 * 1024 * 1024


def ask_engine(
    engine: Engine,
    arguments: Sequence[str],
    cancelled: Callable[[], bool] = lambda: False,
    limit_s: float = LIMIT_S,
) -> Any:
    """Run a command that prints JSON, and return what it printed. Not for the main thread: it waits.

    A command that fails but prints JSON all the same (``models verify`` finds faults) has answered.

    Raises:
        Cancelled: if ``cancelled`` said so; nothing of the command runs any more.
        RidgelineError: (ENGINE_NOT_READY) if it cannot be started, (ENGINE_DIED) if it gave no answer within
            ``limit_s`` seconds; (BAD_MODEL) with what the command said went wrong.
    """
    variables = child_environment(qgis_variables(), engine.variables, qgis_folders(), engine.platform)
    with tempfile.TemporaryDirectory(prefix="ridgeline-ask-") as folder:
        try:
            process = process_tree.start(engine.command(arguments), variables, folder, False, engine.platform)
        except OSError as fault:
            raise RidgelineError(
                ErrorCode.ENGINE_NOT_READY,
                tr("The engine's Python cannot be started: {fault}.", fault=fault),
                tr("Use Repair on the Engine page."),
            ) from fault
        texts: List[bytes] = [b"", b""]
        readers = [
            threading.Thread(target=_read, args=(stream, texts, number), daemon=True)
            for number, stream in enumerate((process.stdout, process.stderr))
        ]
        for reader in readers:
            reader.start()
        began = time.monotonic()
        try:
            while any(reader.is_alive() for reader in readers) or process.poll() is None:
                if cancelled():
                    raise Cancelled()
                if time.monotonic() - began > limit_s:
                    raise RidgelineError(
                        ErrorCode.ENGINE_DIED,
                        tr("The engine gave no answer."),
                        tr("Try again; if it stays so, use Check on the Engine page."),
                    )
                readers[0].join(_POLL_S)
        finally:
            if process.poll() is None or any(reader.is_alive() for reader in readers):
                process_tree.end_tree(process, force=True, platform=sys.platform)
            process.wait()
            for reader in readers:
                reader.join(timeout=2)
            for stream, reader in zip((process.stdout, process.stderr), readers):
                if stream is not None and not reader.is_alive():
                    stream.close()
    return _answer(process.returncode, *(text.decode("utf-8", "replace") for text in texts))


def _answer(status: int, said: str, log: str) -> Any:
    try:
        return json.loads(said)
    except (ValueError, RecursionError):
        pass  # no answer: the log says why
    lines = [line for line in log.splitlines() if line.strip()]
    for number, line in enumerate(lines):
        if line.startswith("ridgeline: "):
            hint = " ".join(item.strip() for item in lines[number + 1 :])
            raise RidgelineError(ErrorCode.BAD_MODEL, line[len("ridgeline: ") :], hint)
    sentence, hint = explain_exit(status, log)
    last = lines[-1][:300] if lines else ""
    raise RidgelineError(ErrorCode.ENGINE_DIED, sentence, f"{hint} {last}".strip())


def _read(stream: BinaryIO, texts: List[bytes], number: int) -> None:
    texts[number] = stream.read(_MAX_BYTES)
    while stream.read(65536):  # more than any answer has: drained, so that the engine can end
        pass
