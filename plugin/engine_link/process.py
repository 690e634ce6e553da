"""One engine process: started, listened to, spoken to, and ended with all it started.

The engine speaks one JSON event a line on standard output and logs on standard error. It is asked to stop by a line on
its standard input, and takes the end of that input as the end of QGIS: no engine outlives the QGIS that started it.
"""

import json
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from typing import Any, BinaryIO, Deque, Mapping, Optional, Sequence, Union

from ...engine.jobs import ErrorCode, Event, RidgelineError, event_from_line
from ..i18n import tr
from . import process_tree

MAX_LINE_BYTES = 4 * 1024 * 1024
LOG_LINES = 400
LOG_LINE_CHARACTERS = 2000
TERMINATE_AFTER_S = 5.0
KILL_AFTER_S = 3.0


class Ended:
    """Stands in the queue of events for the end of the engine's standard output."""


class EngineProcess:
    """A running engine.

    Args:
        command: program and arguments.
        environment: all variables of the child.
        folder: its working folder.

    Raises:
        RidgelineError: (ENGINE_NOT_READY) if it cannot be started.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], folder: str, platform: str = sys.platform
    ) -> None:
        self._platform = platform
        try:
            self._process = process_tree.start(command, environment, folder, keep_input=True, platform=platform)
        except OSError as fault:
            raise RidgelineError(
                ErrorCode.ENGINE_NOT_READY,
                tr("The engine's Python cannot be started: {fault}.", fault=fault),
                tr("Use Repair on the Engine page."),
            ) from fault
        self._events: queue.Queue[Union[Event, Ended]] = queue.Queue()
        self._log: Deque[str] = deque(maxlen=LOG_LINES)
        self._write_lock = threading.Lock()
        self.last_heard = time.monotonic()
        """When the engine last said anything, on either stream; seconds of the monotonic clock."""
        streams = (self._process.stdout, self._process.stderr)
        readers = (self._read_events, self._read_log)
        self._threads = [
            threading.Thread(target=reader, args=(stream,), name=f"ridgeline {reader.__name__}", daemon=True)
            for reader, stream in zip(readers, streams)
        ]
        for thread in self._threads:
            thread.start()
        if "--events" in command:
            # a job's engine takes the end of its input for the end of QGIS only once it has read a line from it
            self.send({"hello": True})

    @property
    def pid(self) -> int:
        """Process id of the engine."""
        return self._process.pid

    @property
    def log(self) -> str:
        """The last lines that the engine logged."""
        return "\n".join(self._log)

    def is_running(self) -> bool:
        """Return whether the process still runs."""
        return self._process.poll() is None

    def next_event(self, timeout_s: float) -> Union[Event, Ended, None]:
        """Return the next event, `Ended` after the last, or None if none came within ``timeout_s`` seconds."""
        try:
            return self._events.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def send(self, message: Mapping[str, Any]) -> bool:
        """Write one line of JSON to the engine's standard input; False if the engine no longer listens."""
        return self.send_line(json.dumps(message, ensure_ascii=True, allow_nan=False))

    def send_line(self, text: str) -> bool:
        """Write one line, given without its end; False if the engine no longer listens."""
        line = text.encode() + b"\n"
        stream = self._process.stdin
        with self._write_lock:
            if stream is None or stream.closed:
                return False
            try:
                stream.write(line)
                stream.flush()
            except OSError:
                return False
        return True

    def cancel(self) -> bool:
        """Ask the engine to stop; it finishes what must be whole, tells so and ends."""
        return self.send({"cancel": True})

    def wait(self, timeout_s: float) -> Optional[int]:
        """Return the exit status, or None if the engine still runs after ``timeout_s`` seconds."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def end(self, terminate_after_s: float = TERMINATE_AFTER_S, kill_after_s: float = KILL_AFTER_S) -> int:
        """End the engine and all it started, and return its exit status.

        Its input is closed at once (a well-behaved engine ends then); it is terminated after ``terminate_after_s``
        seconds and killed ``kill_after_s`` seconds later.
        """
        self._close_input()
        status = self.wait(terminate_after_s)
        if status is None:
            process_tree.end_tree(self._process, force=False, platform=self._platform)
            status = self.wait(kill_after_s)
        if status is None or self._platform != "win32":
            # on POSIX a descendant may outlive the leader in its group: the group goes as a whole
            process_tree.end_tree(self._process, force=True, platform=self._platform)
            status = self._process.wait()
        for thread in self._threads:
            thread.join(timeout=2)
        for stream, thread in zip((self._process.stdout, self._process.stderr), self._threads):
            if stream is not None and not thread.is_alive():
                stream.close()
        return status

    def _close_input(self) -> None:
        stream = self._process.stdin
        # a writer that is stuck in a full pipe holds the lock: then the engine is ended by signal instead
        if stream is not None and self._write_lock.acquire(timeout=1):
            try:
                stream.close()
            except OSError:
                pass  # unsent bytes of an engine that has gone already
            finally:
                self._write_lock.release()

    def _read_events(self, stream: BinaryIO) -> None:
        for line in iter(lambda: stream.readline(MAX_LINE_BYTES), b""):
            self.last_heard = time.monotonic()
            text = line.decode("utf-8", "replace").strip()
            if not text:
                continue
            try:
                self._events.put(event_from_line(text))
            except RidgelineError:
                self._log.append(text[:LOG_LINE_CHARACTERS])
        self._events.put(Ended())

    def _read_log(self, stream: BinaryIO) -> None:
        for line in iter(lambda: stream.readline(MAX_LINE_BYTES), b""):
            self.last_heard = time.monotonic()
            self._log.append(line.decode("utf-8", "replace").rstrip()[:LOG_LINE_CHARACTERS])
