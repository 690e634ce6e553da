"""Solar panels on roofs: fields of whole modules along a slope, rows of frames on flat roofs."""

from __future__ import annotations

from numpy.random import Generator

from .buildings import MODULE_M, Detail
from .chance import choose
from .palette import draw
from .roofs import Roof

_EDGE_M = 0.6
"""Left free along eaves, ridges and gables."""
_SLOPING = ("gable", "hipped", "mono", "gambrel", "row")


def solar_panels(rng: Generator, roof: Roof, bounds: tuple[float, float, float, float]) -> list[Detail]:
    """Return what of solar panels a roof carries; nothing where no module fits, or the form suits none.

    Args:
        rng: source of chance.
        roof: the roof.
        bounds: p0, q0, p1, q1 of its outline, metres; it falls along q.
    """
    p0, q0, p1, q1 = bounds
    length, width = p1 - p0, q1 - q0
    if roof.form == "flat":
        return _frames(rng, length, width, (p0 + p1) / 2, (q0 + q1) / 2)
    if roof.form not in _SLOPING:
        return []
    across, along = MODULE_M if rng.random() < 0.7 else MODULE_M[::-1]
    slope = width if roof.form == "mono" else width / 2
    free = length - (slope if roof.form == "hipped" else 0.0)
    columns, rows = int((free - 2 * _EDGE_M) / across), int((slope - 2 * _EDGE_M) / along)
    if columns < 2 or rows < 1:
        return []
    columns = max(round(columns * rng.uniform(0.5, 1.0)), 2)
    rows = int(rng.integers(1, rows + 1)) if rng.random() < 0.35 else rows
    slack = (free - columns * across) / 2 - _EDGE_M
    middle = 0.0 if roof.form == "mono" else choose(rng, (-1, 1)) * width * 0.25
    p = (p0 + p1) / 2 + float(rng.uniform(-1, 1)) * max(slack, 0.0)
    return [Detail("panel", p, (q0 + q1) / 2 + middle, columns * across, rows * along, 0.12, draw(rng, "panel"))]


def _frames(rng: Generator, length: float, width: float, p: float, q: float) -> list[Detail]:
    """Return parallel rows of tilted modules around (p, q)."""
    depth, gap = float(rng.uniform(1.0, 2.1)), float(rng.uniform(0.3, 1.4))
    columns = int(length * rng.uniform(0.35, 0.8) / MODULE_M[0])
    rows = int(min(width * rng.uniform(0.3, 0.8) / (depth + gap), 16))
    if columns < 2:
        return []
    dark, step = draw(rng, "panel"), depth + gap
    first = q - (rows - 1) / 2 * step
    return [Detail("panel", p, first + k * step, columns * MODULE_M[0], depth, 0.4, dark) for k in range(rows)]
