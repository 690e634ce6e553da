"""The part of a plan that touches a window, so that a large town can be drawn block by block."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .plan import Plan

Item = TypeVar("Item")
REACH_M = 2.0
"""How far drawn things may stick out of the bounds that are computed here, metres."""


class PlanIndex:
    """Bounds of everything in a plan.

    Args:
        plan: the plan; it must not change any more.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._bounds = {
            "areas": _stack([_corner_bounds(area.corners) for area in plan.areas]),
            "roads": _stack(
                [_line_bounds(r, r.width / 2 + r.walk + abs(r.bend) + r.ragged * 3 + 1) for r in plan.roads]
            ),
            "buildings": _stack([b.bounds for b in plan.buildings]),
            "solids": _stack([s.bounds for s in plan.solids]),
            "hedges": _stack([_line_bounds(h, h.width) for h in plan.hedges]),
            "trees": _stack([_disc(t.x, t.y, t.radius * 1.3) for t in plan.trees]),
            "things": _stack([_disc(t.x, t.y, 0.5 * (t.length + t.width) + 1) for t in plan.things]),
            "wires": _stack([_line_bounds(w, 1.0) for w in plan.wires]),
        }

    def within(self, x0: float, y0: float, x1: float, y1: float) -> Plan:
        """Return the plan of what touches these world bounds, in the same order."""
        lists: dict[str, Any] = {}
        for name, bounds in self._bounds.items():
            hit = (bounds[:, 0] < x1 + REACH_M) & (bounds[:, 2] > x0 - REACH_M)
            hit &= (bounds[:, 1] < y1 + REACH_M) & (bounds[:, 3] > y0 - REACH_M)
            items = getattr(self.plan, name)
            lists[name] = [items[k] for k in np.flatnonzero(hit)]
        return replace(self.plan, **lists)


def _stack(bounds: list[tuple[float, float, float, float]]) -> NDArray[np.float64]:
    return np.array(bounds, np.float64).reshape(-1, 4)


def _corner_bounds(corners: tuple[tuple[float, float], ...]) -> tuple[float, float, float, float]:
    xs, ys = [c[0] for c in corners], [c[1] for c in corners]
    return min(xs), min(ys), max(xs), max(ys)


def _line_bounds(line: Any, reach: float) -> tuple[float, float, float, float]:
    return (
        min(line.x0, line.x1) - reach,
        min(line.y0, line.y1) - reach,
        max(line.x0, line.x1) + reach,
        max(line.y0, line.y1) + reach,
    )


def _disc(x: float, y: float, reach: float) -> tuple[float, float, float, float]:
    return x - reach, y - reach, x + reach, y + reach
