"""A small job for the real engine, what it makes undisturbed, and how a disturbed run is judged by that."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(_ROOT / "tests" / "engine" / "inference"))

from inference_helpers import DSM, RGB, height_network, make_package, picture, write_raster  # noqa: E402

from ridgeline.engine.jobs import BuildingOptions, RasterInput, SegmentJob, to_dict  # noqa: E402

WORK_FOLDER = ".ridgeline"
PHASES = ("opening", "computing", "buildings", "finishing files", "publishing", "leaving")
"""The phases of a run, in their order: what it does until the next one's first sign comes."""
_HELPERS_END_S = 20.0
"""The processes that share the work have ended by then, once their engine has."""
PATIENCE_S = 180.0
"""An engine that has not ended by then hangs."""
_CHANNELS = {"land_cover": 3, "roof": 2, "building": 1, "edge": 1}
_ROWS, _COLS = 420, 300
_ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "OGR_CURRENT_DATE": "2024-01-01T00:00:00.000Z",  # else a GeoPackage holds the time it was written at
}


@dataclass(frozen=True)
class Engine:
    """A running engine, its lines read as they come."""

    process: subprocess.Popen[str]
    began: float
    lines: list[dict[str, Any]] = field(default_factory=list)
    signs: dict[str, float] = field(default_factory=dict)
    """When the first sign of each phase came, in seconds from the start."""
    broken: threading.Event = field(default_factory=threading.Event)

    def helpers(self) -> list[int]:
        """Return the ids of the processes that share its work; they may outlive it for a moment."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # it has just ended
                state, _parent, group = stat.read_text().rpartition(")")[2].split()[:3]
                if int(group) == self.process.pid and state != "Z":
                    found.append(int(stat.parent.name))
        return [pid for pid in found if pid != self.process.pid]

    def listen(self) -> threading.Thread:
        """Read the lines in a thread until there are no more or ``broken`` is set: then the pipe is closed."""

        def read() -> None:
            assert self.process.stdout is not None
            for line in self.process.stdout:
                self.lines.append(json.loads(line))
                self.signs.setdefault(phase_after(self.lines[-1]), time.monotonic() - self.began)
                if self.broken.is_set():
                    break
            self.process.stdout.close()

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return thread

    @property
    def phase(self) -> str:
        """The phase that it is in."""
        return max(list(self.signs), key=PHASES.index, default=PHASES[0])

    def wait_until(self, phase: str, seconds: float) -> bool:
        """Wait so many seconds from the first sign of a phase or of a later one; False if it ended before."""
        while PHASES.index(self.phase) < PHASES.index(phase):
            if self.process.poll() is not None:
                return False
            time.sleep(0.002)
        until = (self.began if phase == PHASES[0] else time.monotonic()) + seconds
        while time.monotonic() < until:
            if self.process.poll() is not None:
                return False
            time.sleep(min(0.005, max(0.0, until - time.monotonic())))
        return self.process.poll() is None


@dataclass(frozen=True)
class Ending:
    """How an engine ended.

    Attributes:
        status: exit status, negative for a signal.
        code: of its error event, or ``result``; None if it ended without a word.
        message: of its error event.
        words: how many of its events were a result or an error: one is right.
        log: the end of what it wrote to standard error.
    """

    status: int
    code: str | None
    message: str
    words: int
    log: str

    @property
    def clear(self) -> bool:
        """Whether it said one thing, and a failure has a code that is not a fault of its own, with a sentence."""
        if self.words != 1:
            return False
        return self.code == "result" if self.status == 0 else self.code != "internal" and self.message.endswith(".")


class Workload:
    """Inputs, two models and two finished runs in a folder of their own; every trial gets copies.

    Args:
        root: an empty folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.rgb = write_raster(root / "rgb.tif", picture(_ROWS, _COLS), tiled=True, blockxsize=64, blockysize=64)
        self.dsm = write_raster(root / "dsm.tif", crowded(_ROWS, _COLS), tiled=True, blockxsize=64, blockysize=64)
        self.model = make_package(root / "first" / "model", (RGB, DSM), network=height_network(_CHANNELS))
        self.other_model = make_package(root / "second" / "model", (RGB, DSM), network=height_network(_CHANNELS, 9))
        self.whole = self._reference("whole", self.model)
        self.other = self._reference("other", self.other_model)
        self.lasts = phase_seconds(self._run("again", self.model))
        """Seconds of each phase of an undisturbed run, now that everything is in the disk's cache."""
        if self.whole != digests(root / "again"):
            raise RuntimeError("two undisturbed runs differ: nothing can be compared with them")

    def trial(self, name: str) -> Trial:
        """Return a fresh trial with its own copy of inputs and model."""
        folder = self.root / name
        folder.mkdir()
        for path in (self.rgb, self.dsm):
            shutil.copy2(path, folder / path.name)
        shutil.copytree(self.model, folder / "model")
        return Trial(self, folder)

    def _reference(self, name: str, model: Path) -> dict[str, str]:
        self._run(name, model)
        return digests(self.root / name)

    def _run(self, name: str, model: Path) -> Engine:
        job = self.root / f"{name}.json"
        job.write_text(json.dumps(to_dict(job_for(self.root / name, self.rgb, self.dsm, model))))
        engine = start(job)
        ending = finish(engine)
        if ending.status != 0:
            raise RuntimeError(f"the undisturbed run failed: {ending}")
        return engine


@dataclass(frozen=True)
class Trial:
    """One disturbed run: its folder with inputs, model, job and results."""

    workload: Workload
    folder: Path
    struck: list[str] = field(default_factory=list)
    """The phases in which it was disturbed, so far."""

    @property
    def out(self) -> Path:
        """The output folder."""
        return self.folder / "out"

    def start(self, out: Path | None = None, overwrite: bool = False) -> Engine:
        """Start the engine on the trial's job."""
        job = job_for(
            out or self.out, self.folder / "rgb.tif", self.folder / "dsm.tif", self.folder / "model", overwrite
        )
        path = self.folder / "job.json"
        path.write_text(json.dumps(to_dict(job)))
        return start(path)

    def settle(self, out: Path | None = None, overwrite: bool = False) -> list[str]:
        """Return what is wrong once the disturbance is over: nothing, if the results are there or come now."""
        expected = self.workload.whole
        if digests(out or self.out) == expected:
            return []
        return self.complete(expected, out, overwrite)

    def complete(self, expected: dict[str, str], out: Path | None = None, overwrite: bool = False) -> list[str]:
        """Run to the end without any disturbance; return what is wrong with what comes out."""
        ending = finish(self.start(out, overwrite))
        if ending.status != 0:
            return [f"undisturbed, it then ended with {ending.status}: {ending.code} {ending.message} {ending.log}"]
        return differences(digests(out or self.out), expected)

    def remove(self) -> None:
        """Remove the trial's folder."""
        shutil.rmtree(self.folder)


def phase_after(line: dict[str, Any]) -> str:
    """Return the phase that a line of the engine is a sign of."""
    if line["event"] in ("result", "error"):
        return "leaving"
    complete = line.get("done") == line.get("total")
    if line.get("phase") == "computing":
        return "buildings" if complete else "computing"
    if line.get("phase") == "buildings":
        return "finishing files" if complete else "buildings"
    if line.get("phase") == "writing rasters":
        return "publishing" if complete else "finishing files"
    return "opening"


def phase_seconds(engine: Engine) -> dict[str, float]:
    """Return how long each phase of a run that has ended took.

    Raises:
        RuntimeError: if a phase gave no sign: no moment could fall into it.
    """
    silent = [phase for phase in PHASES[1:] if phase not in engine.signs]
    if silent:
        raise RuntimeError(f"the engine does not tell of these phases any more: {', '.join(silent)}")
    starts = [0.0, *(engine.signs[phase] for phase in PHASES[1:]), time.monotonic() - engine.began]
    return {phase: starts[at + 1] - starts[at] for at, phase in enumerate(PHASES)}


def crowded(height: int, width: int) -> NDArray[np.float32]:
    """Return a DSM [1, H, W] in metres with so many small boxes on a slope that helpers are started for them."""
    rows, cols = np.mgrid[:height, :width]
    ground = 200 + rows * 0.02 + cols * 0.01 + np.random.default_rng(0).normal(0, 0.02, (height, width))
    boxes = (rows % 24 < 12) & (cols % 24 < 14)
    return np.asarray((ground + 6.0 * boxes)[None], np.float32)


def job_for(out: Path, rgb: Path, dsm: Path, model: Path, overwrite: bool = False) -> SegmentJob:
    """Return the job: every kind of result, two threads."""
    return SegmentJob(
        out=str(out),
        rgb=RasterInput(str(rgb)),
        dsm=RasterInput(str(dsm)),
        model=str(model),
        device="cpu",
        threads=2,
        keep_heights=True,
        overwrite=overwrite,
        buildings=BuildingOptions(min_area_m2=3),
    )


def start(job: Path, **options: Any) -> Engine:
    """Start the engine as the plugin does: a job file, events on standard output, a process group of its own."""
    process = subprocess.Popen(
        [sys.executable, "-I", str(_ROOT / "engine" / "__main__.py"), "segment", "--job", str(job), "--events"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=_ENVIRONMENT,
        start_new_session=True,
        **options,
    )
    engine = Engine(process, time.monotonic())
    engine.listen()
    return engine


def finish(engine: Engine) -> Ending:
    """Wait for the engine's end and return how it came.

    Raises:
        RuntimeError: if it has not ended after ``PATIENCE_S`` (it is killed then), or if helpers outlive it.
    """
    log = ""
    try:
        assert engine.process.stderr is not None
        reader = threading.Thread(target=lambda: logs.append(engine.process.stderr.read()), daemon=True)
        logs: list[str] = []
        reader.start()
        engine.process.wait(PATIENCE_S)
        reader.join(10)
        log = "".join(logs)[-1500:]
    except subprocess.TimeoutExpired:
        engine.process.kill()
        engine.process.wait()
        raise RuntimeError(f"the engine hung; its last lines: {engine.lines[-3:]}") from None
    until = time.monotonic() + _HELPERS_END_S
    while (left := engine.helpers()) and time.monotonic() < until:
        time.sleep(0.02)
    if left:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        raise RuntimeError(f"{len(left)} processes that shared the work outlive their engine")
    last = [line for line in engine.lines if line["event"] in ("result", "error")]
    said = last[-1] if last else {}
    code = None if not last else "result" if said["event"] == "result" else said["code"]
    return Ending(engine.process.returncode, code, said.get("message", ""), len(last), log)


def digests(out: Path) -> dict[str, str]:
    """Return the SHA-256 of all that lies in an output folder by name; of ``run.json`` without its times and paths."""
    found = {}
    for path in sorted(out.iterdir()) if out.exists() else []:
        if path.is_dir():
            found[path.name] = "a folder"
            continue
        data = path.read_bytes()
        if path.name == "run.json":
            record = json.loads(data)
            for name in ("seconds", "key", "job", "inputs", "model"):
                record.pop(name)
            data = json.dumps(record, sort_keys=True).encode()
        found[path.name] = hashlib.sha256(data).hexdigest()
    return found


def differences(found: dict[str, str], expected: dict[str, str]) -> list[str]:
    """Return in words how two output folders differ."""
    wrong = [f"{name} is missing" for name in sorted(expected.keys() - found.keys())]
    wrong += [f"{name} is left over" for name in sorted(found.keys() - expected.keys())]
    return wrong + [
        f"{name} has other bytes" for name in sorted(found.keys() & expected.keys()) if found[name] != expected[name]
    ]


def half_written(out: Path, *allowed: dict[str, str]) -> list[str]:
    """Return in words which final names hold neither nothing nor one of the allowed results."""
    return [
        f"{name} is half-written"
        for name, digest in digests(out).items()
        if not name.startswith(".") and digest not in {results.get(name) for results in allowed}
    ]
