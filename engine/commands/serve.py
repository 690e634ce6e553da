"""``ridgeline serve``: a warm engine over pipes; see ``engine.jobs.serve`` for what it can be asked."""

from __future__ import annotations

import argparse
import os
import signal
import threading
from collections.abc import Iterator

from .jobrunner import EXIT_OK, EventVoice

GRACE_S = 2.0
"""A library that does not come back within this time after the end was asked for is ended with the process."""

_MAX_LINE = 4 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: all that the engine is told comes in requests."""
    parser.epilog = "One request a line on standard input, events on standard output, the log on standard error."


def run(args: argparse.Namespace) -> int:
    """Serve until standard input ends, a shutdown is asked for, or a signal comes."""
    voice = EventVoice()  # before any library is loaded: from here on, standard output belongs to the protocol
    from ..serving.server import Server, read_requests

    server = Server(voice.emit)
    ended = threading.Event()

    def end_soon() -> None:
        server.end()
        threading.Thread(target=_end_the_process, args=(ended, voice), name="end", daemon=True).start()

    def read() -> None:
        read_requests(_lines(0), server)
        end_soon()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: threading.Thread(target=end_soon, daemon=True).start())
    threading.Thread(target=read, name="requests", daemon=True).start()
    # the work gets a thread of its own, so that the main thread is free to take signals
    worker = threading.Thread(target=server.run, name="work", daemon=True)
    worker.start()
    while worker.is_alive():
        worker.join(0.2)
        if voice.broken:  # nobody listens any more
            end_soon()
            worker.join(GRACE_S)
    ended.set()
    voice.close()
    return EXIT_OK


def _end_the_process(ended: threading.Event, voice: EventVoice) -> None:
    if not ended.wait(GRACE_S):
        voice.close()
        os._exit(EXIT_OK)


def _lines(descriptor: int) -> Iterator[str]:
    """Yield the lines of a pipe. Not by ``sys.stdin``: its lock would be held while the interpreter shuts down."""
    rest = b""
    while chunk := os.read(descriptor, 65536):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _MAX_LINE:
            raise ValueError("a line without end")
        for line in lines:
            yield line.decode("utf-8", errors="replace")
    if rest:
        yield rest.decode("utf-8", errors="replace")
