"""The ways in which a run is disturbed. Each takes a fresh trial and a source of chance and returns what came of it."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from fault_workload import PHASES, WORK_FOLDER, Ending, Engine, Trial, finish, half_written


class NotPermitted(Exception):
    """This machine does not let us disturb a run in that way."""


@dataclass
class Outcome:
    """What came of one trial.

    Attributes:
        ended: how the disturbed run ended: ``same bytes``, ``killed``, ``error: code`` or ``died: status``.
        wrong: what must not be.
    """

    ended: str
    wrong: list[str]


_GLIBC_ABORT = 127
"""Exit status when the C library has no memory for a thread's own data."""

Kind = Callable[[Trial, Random], Outcome]


def killed(trial: Trial, chance: Random) -> Outcome:
    """SIGKILL, once or several times, half of the time over the results of an older run that may be replaced."""
    return _ended_by(trial, chance, signal.SIGKILL)


def terminated(trial: Trial, chance: Random) -> Outcome:
    """SIGTERM: the engine says that it was cancelled."""
    return _ended_by(trial, chance, signal.SIGTERM)


def _ended_by(trial: Trial, chance: Random, number: signal.Signals) -> Outcome:
    load = trial.workload
    older = chance.random() < 0.5
    if older:
        shutil.copytree(load.root / "other", trial.out)
    wrong: list[str] = []
    ended = "same bytes"
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        engine = trial.start(overwrite=older)
        struck = _at_a_random_moment(engine, trial, chance)
        if struck:
            engine.process.send_signal(number)
        ending = finish(engine)
        wrong += half_written(trial.out, load.whole, load.other if older else {})
        if ending.status == 0:  # it was quicker
            break
        ended, faults = _judge(ending, {-number} if struck else set())
        wrong += faults
        if number == signal.SIGTERM and ending.status == 130 and ending.code != "cancelled":
            wrong.append(f"it ended with {ending.code} instead of saying that it was cancelled")
    return Outcome(ended, wrong + trial.settle(overwrite=older))


def stopped(trial: Trial, chance: Random, seconds: float = 2.0) -> Outcome:
    """SIGSTOP, a second engine in the same folder meanwhile, then SIGCONT: it goes on as if nothing had been."""
    engine = trial.start()
    wrong = []
    if _at_a_random_moment(engine, trial, chance):
        engine.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        if (trial.out / WORK_FOLDER / "lock").exists() and seconds > 1:
            second = finish(trial.start())
            if second.code != "output_exists":
                wrong.append(f"a second engine was not kept out of the folder: {second}")
        time.sleep(max(0.0, began + seconds - time.monotonic()))
        engine.process.send_signal(signal.SIGCONT)
    ended, faults = _judge(finish(engine))
    return Outcome(ended, wrong + faults + trial.settle())


def stopped_for_a_minute(trial: Trial, chance: Random) -> Outcome:
    """SIGSTOP for a whole minute."""
    return stopped(trial, chance, 60.0)


def pipe_broken(trial: Trial, chance: Random) -> Outcome:
    """Whoever reads the events goes away: nobody wants the result any more."""
    engine = trial.start()
    if _at_a_random_moment(engine, trial, chance):
        engine.broken.set()
    ending = finish(engine)
    wrong = half_written(trial.out, trial.workload.whole)
    if ending.status not in (0, 130):
        wrong.append(f"it ended with the status {ending.status}: {ending.log}")
    ended = "same bytes" if ending.status == 0 else "stopped by itself"
    return Outcome(ended, wrong + trial.settle())


def disk_full(trial: Trial, chance: Random) -> Outcome:
    """The results lie on a disk that fills up, at a random moment or from the start."""
    disk = trial.folder / "disk"
    disk.mkdir()
    needed = sum(path.stat().st_size for path in (trial.workload.root / "whole").iterdir())
    _run("mount", "-t", "tmpfs", "-o", f"size={int(chance.uniform(0.02, 3.0) * needed) // 4096 * 4096}", "none", disk)
    try:
        out = disk / "out"
        ended, wrong = _judge(finish(trial.start(out)), allowed={"disk_full"})
        wrong += half_written(out, trial.workload.whole)
        _run("mount", "-o", f"remount,size={needed * 8}", disk)
        return Outcome(ended, wrong + trial.settle(out))
    finally:
        _run("umount", disk)


def folder_read_only(trial: Trial, chance: Random) -> Outcome:
    """The output folder cannot be written to any more, from a random moment on or from the start."""
    trial.out.mkdir()
    engine = None
    if chance.random() < 0.8:
        engine = trial.start()
        _at_a_random_moment(engine, trial, chance)
    with _immutable(trial.out):
        ended, wrong = _judge(finish(engine or trial.start()), allowed={"output_not_writable"})
    wrong += half_written(trial.out, trial.workload.whole)
    return Outcome(ended, wrong + trial.settle())


def memory_short(trial: Trial, chance: Random) -> Outcome:
    """From a random moment on the process may take hardly any more address space, or none."""
    engine = trial.start()
    if _at_a_random_moment(engine, trial, chance):
        try:
            pages = int(Path(f"/proc/{engine.process.pid}/statm").read_text().split()[0])
            most = pages * resource.getpagesize() + int(chance.uniform(-60e6, 30e6))
            resource.prlimit(engine.process.pid, resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
        except (ProcessLookupError, FileNotFoundError):
            pass  # it was quicker
        except PermissionError as fault:
            raise NotPermitted("the limits of another process cannot be set") from fault
    ending = finish(engine)
    # what ends in C code cannot be caught; the plugin explains it by exit status and log
    if ending.status in (-signal.SIGABRT, _GLIBC_ABORT) and "memory" in ending.log:
        ended, wrong = "ended by a library that said why", []
    elif ending.status == -signal.SIGSEGV:
        ended, wrong = "crashed in a library", []
    else:
        ended, wrong = _judge(ending, allowed={"out_of_memory"})
    wrong += half_written(trial.out, trial.workload.whole)
    return Outcome(ended, wrong + trial.settle())


def input_removed(trial: Trial, chance: Random) -> Outcome:
    """An input is taken away in the middle and brought back later."""
    path = trial.folder / chance.choice(("rgb.tif", "dsm.tif"))
    away = path.with_suffix(".away")
    return _input_spoilt(trial, chance, lambda: path.rename(away), lambda: away.rename(path))


def input_truncated(trial: Trial, chance: Random) -> Outcome:
    """An input is cut short in the middle and copied there anew later."""
    path = trial.folder / chance.choice(("rgb.tif", "dsm.tif"))
    size = int(path.stat().st_size * chance.random())
    return _input_spoilt(trial, chance, lambda: os.truncate(path, size), lambda: _restore(trial, path.name))


def input_replaced(trial: Trial, chance: Random) -> Outcome:
    """An input is overwritten in place with other bytes of the same number, once the run has begun to read it."""
    name = chance.choice(("rgb.tif", "dsm.tif"))
    path = trial.folder / name
    data = bytearray((trial.workload.root / name).read_bytes())
    half = len(data) // 2
    data[half:] = data[half:][::-1]
    begun = PHASES[1:]  # before, it is the same input all along
    return _input_spoilt(trial, chance, lambda: path.write_bytes(data), lambda: _restore(trial, name), begun)


def _input_spoilt(
    trial: Trial,
    chance: Random,
    spoil: Callable[[], object],
    mend: Callable[[], object],
    phases: tuple[str, ...] = PHASES,
) -> Outcome:
    engine = trial.start()
    spoilt = _at_a_random_moment(engine, trial, chance, phases)
    if spoilt:
        spoil()
    allowed = {"input_unreadable", "input_missing", "no_georeference", "no_crs", "bad_surface", "no_overlap"}
    ended, wrong = _judge(finish(engine), allowed=allowed)
    wrong += half_written(trial.out, trial.workload.whole)
    if spoilt:
        mend()
    return Outcome(ended, wrong + trial.settle())


def _restore(trial: Trial, name: str) -> None:
    shutil.copy2(trial.workload.root / name, trial.folder / name)


def model_changed(trial: Trial, chance: Random) -> Outcome:
    """After a kill the model is another one of the same name: nothing of the first run gets into the second."""
    load = trial.workload
    engine = trial.start()
    if _at_a_random_moment(engine, trial, chance):
        engine.process.kill()
    ending = finish(engine)
    weights = trial.folder / "model" / "network.onnx"
    shutil.copy2(load.other_model / "network.onnx", weights)
    refused = finish(trial.start(overwrite=True))
    wrong = [] if refused.code == "bad_model" else [f"weights that model.json does not know were taken: {refused}"]
    shutil.copy2(load.other_model / "model.json", trial.folder / "model" / "model.json")
    wrong += trial.complete(load.other, overwrite=True)
    for path in load.model.iterdir():
        shutil.copy2(path, trial.folder / "model" / path.name)
    wrong += trial.complete(load.whole, overwrite=True)
    return Outcome("same bytes" if ending.status == 0 else "killed", wrong)


def model_removed(trial: Trial, chance: Random) -> Outcome:
    """The model goes away in the middle of a run: it was loaded, or one sentence says that it is missing."""
    engine = trial.start()
    away = trial.folder / "away"
    if _at_a_random_moment(engine, trial, chance):
        (trial.folder / "model").rename(away)
    ended, wrong = _judge(finish(engine), allowed={"bad_model"})
    wrong += half_written(trial.out, trial.workload.whole)
    if away.exists():
        away.rename(trial.folder / "model")
    return Outcome(ended, wrong + trial.settle())


def helper_killed(trial: Trial, chance: Random) -> Outcome:
    """The processes that share the work are killed, one or all: the run does without them."""
    engine = trial.start()
    while not (helpers := engine.helpers()) and engine.process.poll() is None:
        time.sleep(0.002)
    lasts = trial.workload.lasts
    time.sleep(chance.random() * (lasts["computing"] + lasts["buildings"]))
    for pid in helpers[: chance.choice((1, len(helpers)))] if helpers else []:
        with suppress(ProcessLookupError):  # its work is done
            os.kill(pid, chance.choice((signal.SIGKILL, signal.SIGTERM)))
            trial.struck.append(engine.phase)
    ended, wrong = _judge(finish(engine), allowed=set())
    return Outcome(ended, wrong + trial.settle())


SIGNALS: dict[str, Kind] = {"SIGKILL": killed, "SIGTERM": terminated, "SIGSTOP": stopped}
"""What happens to a process at random moments."""
OTHERS: dict[str, Kind] = {
    "SIGSTOP for a minute": stopped_for_a_minute,
    "pipe broken": pipe_broken,
    "disk full": disk_full,
    "folder read-only": folder_read_only,
    "memory short": memory_short,
    "input removed": input_removed,
    "input truncated": input_truncated,
    "input replaced": input_replaced,
    "model changed": model_changed,
    "model removed": model_removed,
    "helper killed": helper_killed,
}
KINDS = {**SIGNALS, **OTHERS}


def _at_a_random_moment(engine: Engine, trial: Trial, chance: Random, phases: tuple[str, ...] = PHASES) -> bool:
    """Wait for a random moment of a random phase; return whether the engine still runs then, and note its phase."""
    phase = chance.choice(phases)
    if not engine.wait_until(phase, chance.random() * trial.workload.lasts[phase]):
        return False
    trial.struck.append(engine.phase)
    return True


def _judge(ending: Ending, signals: set[int] | None = None, allowed: set[str] | None = None) -> tuple[str, list[str]]:
    """Return how a disturbed run ended, and what is wrong with that."""
    if ending.status == 0:
        return "same bytes", [] if ending.clear else [f"it ended well without a clear result: {ending}"]
    if ending.status in (signals or set()):
        return "killed", []
    if ending.code is None:
        return f"died: {ending.status}", [f"it died without a word: {ending}"]
    wrong = [] if ending.clear else [f"its error is not clear: {ending}"]
    if allowed is not None and ending.code not in allowed:
        wrong.append(f"its error does not name the cause: {ending}")
    return f"error: {ending.code}", wrong


@contextmanager
def _immutable(out: Path) -> Iterator[None]:
    """Let nobody write into a folder and the folders in it for a while."""
    root = os.geteuid() == 0  # who may write whatever the permissions say
    done = []
    try:
        for folder in (out, *sorted(path for path in out.rglob("*") if path.is_dir())):
            try:
                _run("chattr", "+i", folder) if root else folder.chmod(0o500)
            except (NotPermitted, FileNotFoundError):
                if folder.exists():
                    raise
            else:
                done.append(folder)
        yield
    finally:
        for folder in done:
            _run("chattr", "-i", folder) if root else folder.chmod(0o700)


def _run(*command: str | Path) -> None:
    try:
        subprocess.run([str(word) for word in command], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as fault:
        raise NotPermitted(f"{command[0]} is not permitted here") from fault
