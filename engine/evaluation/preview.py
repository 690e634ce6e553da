"""How quick the warm engine is: first view, pans, clicks, through its own process and pipes as QGIS does it."""

from __future__ import annotations

import random
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from ..jobs import RasterInput
from ..jobs.serve import LoadRequest, PreviewRequest, RoofRequest, Scene
from .warm_process import NORTH, VIEW_M, WEST, WarmProcess, house_at, make_pair


@dataclass(frozen=True)
class PreviewSpeed:
    """What was measured, in seconds.

    Attributes:
        load_s: until rasters and model are open, process start included.
        first_part_s: until the first part of the first view is there.
        first_view_s: until all of it is.
        pan_median_s: a pan by a third of the view, always to where nothing was seen before.
        pan_worst_s: the slowest of them.
        back_s: going back to what was seen (median).
        click_median_s: the roof tool.
        click_worst_s: the slowest click.
        pans: how many pans there were.
        memory_first_mb: memory of the engine after the first view; None where the system does not tell.
        memory_last_mb: at the end.
        device: the sentence of what computes.
    """

    load_s: float
    first_part_s: float
    first_view_s: float
    pan_median_s: float
    pan_worst_s: float
    back_s: float
    click_median_s: float
    click_worst_s: float
    pans: int
    memory_first_mb: float | None
    memory_last_mb: float | None
    device: str


def measure_preview(model: str, folder: Path, pans: int = 18, seed: int = 0) -> PreviewSpeed:
    """Measure a model in a process of its own, over rasters made in ``folder``.

    Raises:
        RidgelineError: what the engine answers.
    """
    rgb, dsm = make_pair(folder)
    scene = Scene(RasterInput(str(rgb)), RasterInput(str(dsm)), model)
    out = str(folder / "preview")
    dice = random.Random(seed)  # nosec B311: places to look at, no secret
    began = time.perf_counter()
    with WarmProcess() as engine:
        device = engine.ask(LoadRequest(scene))[1]["device"]
        load_s = time.perf_counter() - began
        width, height = VIEW_M
        x, y = WEST + 40.0, NORTH - 40.0 - height

        def view() -> tuple[float, float]:
            """Return the time until all of a view is there, and until the first part of it is."""
            whole, _, part = engine.ask(PreviewRequest(scene, (x, y, x + width, y + height), out))
            return whole, part or whole

        first, first_part = view()
        memory_first = engine.settled_memory_mb(scene)
        times, back = [], []
        for dx, dy in _walk(pans):
            before = x, y
            x, y = x + dx * width / 3, y + dy * height / 3
            times.append(view()[0])
            here, (x, y) = (x, y), before
            back.append(view()[0])
            x, y = here
        clicks = []
        for _ in range(max(pans // 3, 3)):
            x, y = house_at(dice.randrange(30, 48), dice.randrange(2, 10))  # where no view was
            clicks.append(engine.ask(RoofRequest(scene, x, y))[0])
        memory_last = engine.settled_memory_mb(scene)
    return PreviewSpeed(
        load_s=load_s,
        first_part_s=first_part,
        first_view_s=first,
        pan_median_s=statistics.median(times),
        pan_worst_s=max(times),
        back_s=statistics.median(back),
        click_median_s=statistics.median(clicks),
        click_worst_s=max(clicks),
        pans=len(times),
        memory_first_mb=memory_first,
        memory_last_mb=memory_last,
        device=device,
    )


def figures_text(figures: PreviewSpeed) -> str:
    """Return the figures as lines for people."""
    lines = [f"{name:<16}{value:10.3f}" for name, value in asdict(figures).items() if isinstance(value, (int, float))]
    return "\n".join([figures.device, *lines])


def _walk(steps: int) -> list[tuple[int, int]]:
    """Return steps that lead over new ground all the time: right, right, down, and so on."""
    return [(1, 0) if index % 3 != 2 else (0, -1) for index in range(steps)]
