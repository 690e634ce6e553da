"""Hours of use in short: random panning, zooming and clicking, and what it does to the warm engine's memory."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..jobs import ErrorCode, RasterInput, RidgelineError
from ..jobs.serve import LoadRequest, PreviewRequest, RoofRequest, Scene
from .warm_process import GSD, HOUSE_EVERY_M, NORTH, SIDE, VIEW_M, WEST, WarmProcess, house_at, make_pair

ZOOMS = (0.5, 1.0, 1.0, 1.5)
"""Views by their size: most at 0.25 m per pixel of the screen."""
_CLICK_EVERY, _OTHER_LAYERS_EVERY = 5, 25
_WARM_SHARE = 0.1
"""Of the time: so long the stores may fill."""
_SAMPLE_S = 60.0


@dataclass(frozen=True)
class Moment:
    """How things stood at one time.

    Attributes:
        minute: since the first request.
        memory_mb: resident set of the engine.
        requests: answered so far.
    """

    minute: float
    memory_mb: float
    requests: int


@dataclass(frozen=True)
class Soak:
    """What came of it.

    Attributes:
        minutes: how long it was used.
        requests: how many requests were answered.
        tiles: how many tiles the network computed.
        first_mb: memory after the first view.
        warm_mb: of the first sample once a tenth of the time had passed.
        last_mb: at the end.
        most_mb: the most of all samples from ``warm_mb`` on.
        peak_mb: the most that the process ever held, within a request.
        growth: ``most_mb`` over ``warm_mb``, minus one.
        series: a sample a minute, or twenty in all if it is shorter.
    """

    minutes: float
    requests: int
    tiles: int
    first_mb: float
    warm_mb: float
    last_mb: float
    most_mb: float
    peak_mb: float
    growth: float
    series: tuple[Moment, ...]


def soak(
    model: str,
    folder: Path,
    minutes: float,
    pause_s: float = 0.0,
    seed: int = 0,
    switch: bool = False,
    tell: Callable[[Moment], None] = lambda _moment: None,
) -> Soak:
    """Use the warm engine at random for some minutes and watch its memory (Linux only).

    The views wander over rasters of 1.5 × 1.5 km, which is many times what is kept; every fifth view a roof is clicked.
    With ``switch``, every 25th view may switch one of the two layers off or on, which opens another scene and network.

    Args:
        model: name or folder.
        folder: where rasters are made and pictures are written.
        minutes: how long.
        pause_s: rest between two views.
        seed: of all that is random.
        switch: whether layers are switched off and on.
        tell: told each sample.

    Raises:
        RidgelineError: what the engine answers; (BAD_JOB) where the system does not tell the memory.
    """
    rgb, dsm = (RasterInput(str(path)) for path in make_pair(folder))
    dice = random.Random(seed)  # nosec B311: places to look at, no secret
    boxes = wander(dice)
    houses = int(SIDE * GSD / HOUSE_EVERY_M) - 1
    series: list[Moment] = []
    views = requests = tiles = 0
    first: float | None = None
    every_s = min(_SAMPLE_S, minutes * 60 / 20)
    with WarmProcess() as engine:
        pairs = (Scene(rgb, dsm, model), Scene(rgb, None, model), Scene(None, dsm, model))
        scenes = [scene for scene in pairs if _runs(engine, scene)] if switch else [pairs[0]]
        began = time.monotonic()
        while (spent := time.monotonic() - began) < minutes * 60:
            if views % _OTHER_LAYERS_EVERY == 0:
                scene = dice.choice([scenes[0], *scenes]) if views else scenes[0]
            summary = engine.ask(PreviewRequest(scene, next(boxes), str(folder / "preview")))[1]
            tiles += int(summary["computed"])
            views, requests = views + 1, requests + 1
            if views % _CLICK_EVERY == 0:
                x, y = house_at(dice.randrange(1, houses), dice.randrange(1, houses))
                engine.ask(RoofRequest(scene, x, y))
                requests += 1
            first = first or _memory(engine, scene)
            if spent >= every_s * (len(series) + 1):
                series.append(Moment(spent / 60, _memory(engine, scene), requests))
                tell(series[-1])
            time.sleep(pause_s)
        series.append(Moment((time.monotonic() - began) / 60, _memory(engine, scene), requests))
        tell(series[-1])
        peak = engine.peak_memory_mb()
    late = [moment.memory_mb for moment in series if moment.minute >= minutes * _WARM_SHARE]
    return Soak(
        minutes=minutes,
        requests=requests,
        tiles=tiles,
        first_mb=first or late[0],
        warm_mb=late[0],
        last_mb=late[-1],
        most_mb=max(late),
        peak_mb=peak or max(late),
        growth=max(late) / late[0] - 1,
        series=tuple(series),
    )


def wander(dice: random.Random) -> Iterator[tuple[float, float, float, float]]:
    """Yield views (xmin, ymin, xmax, ymax in metres) inside the made rasters, each near the one before."""
    width, height = VIEW_M
    x, y = WEST, NORTH - height
    while True:
        zoom = dice.choice(ZOOMS)
        x = min(max(x + dice.uniform(-1, 1) * width, WEST), WEST + SIDE * GSD - width * zoom)
        y = min(max(y + dice.uniform(-1, 1) * height, NORTH - SIDE * GSD), NORTH - height * zoom)
        yield x, y, x + width * zoom, y + height * zoom


def _runs(engine: WarmProcess, scene: Scene) -> bool:
    """Return whether the model takes these rasters; that it takes both is no question."""
    try:
        engine.ask(LoadRequest(scene))
    except RidgelineError as fault:
        if fault.code is not ErrorCode.BAD_MODEL or (scene.rgb and scene.dsm):
            raise
        return False
    return True


def _memory(engine: WarmProcess, scene: Scene) -> float:
    memory = engine.settled_memory_mb(scene)
    if memory is None:
        raise RidgelineError(
            ErrorCode.BAD_JOB, "This system does not tell the memory of a process.", "Run this on Linux."
        )
    return memory
