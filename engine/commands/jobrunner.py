"""Runs one job for a command: events or a progress bar, cancel, and the exit status. Every job command uses it.

With ``--events`` standard output belongs to the protocol: before any library is loaded, the real standard output
is put aside and file descriptor 1 is made to point at standard error, so that whatever a library prints, from Python
or from C, lands in the log.

How a run is cancelled: a line ``{"cancel": true}`` on standard input, SIGTERM or SIGINT (Ctrl+C), or nobody reading the
events any more, or the end of standard input after a line was read from it: who has spoken there keeps it open for as
long as he lives. Without such a line its end is no wish to cancel: a run started with an empty input goes on. Work
that does not notice within ``GRACE_S`` seconds (a library that cannot be interrupted) is ended with the process; jobs
keep their ledgers such that this loses nothing.

A line ``{"finish": true}`` asks a job that could go on for long, a training, to end with what it has by now.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from .. import __version__
from ..feedback import Feedback
from ..given import given
from ..jobs import Cancelled, Error, ErrorCode, Event, Result, RidgelineError, Started, check_texts, event_to_line
from .progressbar import ProgressBar

Job = TypeVar("Job")

EXIT_OK, EXIT_ERROR, EXIT_CANCELLED = 0, 1, 130
GRACE_S = 1.5
_MEMORY_WORDS = (
    "failed to map segment",
    "cannot allocate memory",
    "can't start new thread",
    "error return without exception set",  # what Python's own C code says where it found none for its words
    "out of memory",
    "bad_alloc",
    "bad allocation",
)


def run_job(kind: str, load: Callable[[], Job], work: Callable[[Job, Feedback], Result], events: bool) -> int:
    """Run a job and return the exit status: 0, 1 (a fault) or 130 (cancelled).

    Args:
        kind: kind of the job, such as ``segment``.
        load: returns the job; its faults are told like those of the work.
        work: does it; imports what it needs itself, so that this is already in place when libraries load.
        events: speak JSON lines on standard output; else a progress bar on standard error and the summary as text.
    """
    voice: EventVoice | _PeopleVoice = EventVoice() if events else _PeopleVoice()
    stop = _Stop(voice)
    try:
        stop.watch(read_stdin=events)
        voice.emit(Started(kind, engine=__version__))
        job = load()
        result = work(job, Feedback(voice.emit, stop, stop.asked_to_finish))
        voice.emit(result)
        return EXIT_OK
    except (Cancelled, KeyboardInterrupt) as fault:
        voice.emit(_error(fault if isinstance(fault, Cancelled) else Cancelled()))
        return EXIT_CANCELLED
    except RidgelineError as fault:
        if stop():  # what breaks while a run is being ended is no news
            voice.emit(_error(Cancelled()))
            return EXIT_CANCELLED
        if events and fault.__cause__ is not None:  # for the log; people read the sentence
            traceback.print_exception(fault.__cause__, file=sys.stderr)
        voice.emit(_error(fault))
        return EXIT_ERROR
    except Exception as fault:
        if _is_memory(fault):
            voice.emit(
                Error(
                    ErrorCode.OUT_OF_MEMORY,
                    "This computer has not enough free memory for the job.",
                    "Close other programs, or compute fewer tiles at once; the run continues where it stopped.",
                )
            )
            return EXIT_ERROR
        traceback.print_exc(file=sys.stderr)
        reason = " ".join(f"{type(fault).__name__}: {fault}".split())
        voice.emit(
            Error(
                ErrorCode.INTERNAL,
                f"Ridgeline met a fault of its own ({reason[:300].rstrip('.')}).",
                "Please report it with the log; running the job again continues where it stopped.",
            )
        )
        return EXIT_ERROR
    finally:
        stop.end()
        voice.close()


def load_json(path: str) -> Any:
    """Return what the JSON file of a job holds.

    Raises:
        RidgelineError: (INPUT_MISSING), (BAD_JOB).
    """
    try:
        with open(path, encoding="utf-8-sig") as stream:
            data = json.load(stream)
    except OSError as fault:
        raise RidgelineError(
            ErrorCode.INPUT_MISSING, f"The job file {path!r} cannot be read ({fault.strerror}).", "Check the path."
        ) from fault
    except (ValueError, RecursionError) as fault:
        raise RidgelineError(
            ErrorCode.BAD_JOB, f"The job file {path!r} is no JSON ({fault}).", "Write it again."
        ) from fault
    check_texts(data)
    return data


def _error(fault: RidgelineError) -> Error:
    return Error(fault.code, fault.message, fault.hint)


def _is_memory(fault: BaseException | None) -> bool:
    """Return whether a lack of memory is behind a fault: a library that cannot be loaded, a thread not started."""
    while fault is not None:
        if isinstance(fault, MemoryError) or any(words in str(fault).lower() for words in _MEMORY_WORDS):
            return True
        fault = fault.__cause__ or fault.__context__
    return False


class EventVoice:
    """JSON lines on the real standard output, which nothing else can reach any more."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self._stream = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
        os.dup2(2, 1)  # what C libraries print
        sys.stdout = sys.stderr  # what Python code prints
        self._lock = threading.Lock()
        self.broken = False

    def emit(self, event: Event) -> None:
        """Write a line; a reader who has gone away is noticed, not reported."""
        if not self._lock.acquire(timeout=GRACE_S):  # another thread waits for a reader who has stopped reading
            self.broken = True
            return
        try:
            if not self.broken:
                self._stream.write(event_to_line(event) + "\n")
                self._stream.flush()
        except (OSError, ValueError):
            self.broken = True
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the real standard output."""
        try:
            self._stream.close()
        except OSError:
            self.broken = True


class _PeopleVoice:
    """A progress bar and sentences on standard error, the result on standard output."""

    def __init__(self) -> None:
        self._bar = ProgressBar(sys.stderr, sys.stdout)
        self.broken = False

    def emit(self, event: Event) -> None:
        """Show an event; a reader who has gone away is noticed, not reported."""
        if self.broken:
            return
        try:
            self._bar.show(event)
        except OSError:
            self.broken = True

    def close(self) -> None:
        """End the bar's line."""
        with suppress(OSError):
            self._bar.close()
        if self.broken:
            silence()


_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_STOPS = {bytes([number]) for number in _STOP_SIGNALS}
"""What the wake-up descriptor says of them."""


def silence() -> None:
    """Let what Python still wants to write at its end go nowhere: nobody reads it, and it would fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


class _Stop:
    """Whether to stop: asked by the work, set by a signal, a line on standard input or a reader who left."""

    def __init__(self, voice: EventVoice | _PeopleVoice) -> None:
        self._voice = voice
        self._asked = threading.Event()
        self._finish = threading.Event()
        self._ended = threading.Event()
        self._before: dict[int, Any] = {}
        self._pair: tuple[socket.socket, socket.socket] | None = None
        self._wakeup_before = -1

    def __call__(self) -> bool:
        """Return whether to stop."""
        if self._voice.broken:
            self._ask()
        return self._asked.is_set()

    def asked_to_finish(self) -> bool:
        """Return whether to end with what there is."""
        return self._finish.is_set()

    def watch(self, read_stdin: bool) -> None:
        """Begin to listen for signals and, if wanted, on standard input."""
        if threading.current_thread() is threading.main_thread():
            # Python runs signal handlers between two of its own instructions, which may be long after a library was
            # entered; the bytes of the wake-up descriptor come at once, and a thread waits for them.
            self._pair = socket.socketpair()
            self._pair[1].setblocking(False)
            self._wakeup_before = signal.set_wakeup_fd(self._pair[1].fileno(), warn_on_full_buffer=False)
            for number in _STOP_SIGNALS:
                self._before[number] = signal.signal(number, lambda _number, _frame: None)
            threading.Thread(target=self._listen_for_signals, name="signals", daemon=True).start()
        if read_stdin:
            threading.Thread(target=self._listen_on_stdin, name="stdin", daemon=True).start()

    def end(self) -> None:
        """Stop listening."""
        self._ended.set()
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._pair is not None:
            signal.set_wakeup_fd(self._wakeup_before)
            for end in self._pair:
                end.close()

    def _listen_for_signals(self) -> None:
        woken, _ = given(self._pair)
        while not self._ended.is_set():
            try:
                # others may have handlers, too: torch listens for workers that stop or end
                if woken.recv(1)[:1] in _STOPS:
                    self._ask()
            except OSError:  # closed by `end`
                return

    def _listen_on_stdin(self) -> None:
        # not sys.stdin: its lock would be held by this thread while the interpreter shuts down
        rest, spoken = b"", False
        while not self._ended.is_set():
            try:
                chunk = os.read(0, 4096)
            except OSError:
                return
            *lines, rest = (rest + chunk).split(b"\n")
            spoken = spoken or bool(lines)
            if any(_says(line, "finish") for line in lines):
                self._finish.set()
            if any(_says(line, "cancel") for line in lines) or (not chunk and spoken):
                self._ask()
            if not chunk:
                return

    def _ask(self) -> None:
        if not self._asked.is_set():
            self._asked.set()
            threading.Thread(target=self._end_the_process, name="end", daemon=True).start()

    def _end_the_process(self) -> None:
        if self._ended.wait(GRACE_S):
            return
        self._voice.emit(_error(Cancelled()))
        self._voice.close()
        os._exit(EXIT_CANCELLED)


def _says(line: bytes, wish: str) -> bool:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(data, dict) and data.get(wish) is True
