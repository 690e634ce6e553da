"""Surveyed buildings among the invented ones: true roofs of a city model, set on plots that they fit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.random import Generator
from shapely import union_all

from .buildings import Building
from .city import City, Ring, read_city, roof_class_of
from .plan import Plan
from .solids import Solid


@dataclass(frozen=True)
class SurveyedBuilding:
    """A whole building in its own frame: p along its longer side, the origin in its middle, z above its ground.

    Attributes:
        length: along p, metres.
        width: along q, metres.
        parts: roof class id (0 if it is not known) and rings of every part.
    """

    length: float
    width: float
    parts: tuple[tuple[int, tuple[tuple[Ring, ...], ...]], ...]


def surveyed_buildings(city: City, least_m2: float = 30.0) -> tuple[SurveyedBuilding, ...]:
    """Return the buildings of a city model, parts together, each in its own frame; tiny ones are left out."""
    groups: dict[str, list[int]] = {}
    for index, roof in enumerate(city.roofs):
        groups.setdefault(roof.building, []).append(index)
    found = []
    for members in groups.values():
        roofs = [city.roofs[k] for k in members]
        outline = union_all([roof.outline() for roof in roofs])
        if outline.area < least_m2:
            continue
        corners = np.array(outline.minimum_rotated_rectangle.exterior.coords)[:4]
        sides = corners[1] - corners[0], corners[2] - corners[1]
        along = max(sides, key=lambda side: float(np.hypot(*side)))
        length, width = sorted((float(np.hypot(*side)) for side in sides), reverse=True)
        axis = along / np.hypot(*along)
        turn = np.array([[axis[0], -axis[1]], [axis[1], axis[0]]])
        middle = corners.mean(axis=0)
        parts = tuple(
            (
                roof_class_of(roof),
                tuple(
                    tuple(np.column_stack([(ring[:, :2] - middle) @ turn, ring[:, 2] - roof.ground]) for ring in plane)
                    for plane in roof.rings
                ),
            )
            for roof in roofs
        )
        found.append(SurveyedBuilding(length, width, parts))
    return tuple(found)


@lru_cache(maxsize=8)
def load_surveyed(path: str) -> tuple[SurveyedBuilding, ...]:
    """Return the buildings of a file, read once per process."""
    return surveyed_buildings(read_city(Path(path)))


def settle(plan: Plan, choices: tuple[SurveyedBuilding, ...], rng: Generator, share: float) -> int:
    """Replace buildings of a plan by surveyed ones that fit their plots, and return how many were.

    Args:
        plan: changed in place.
        choices: surveyed buildings.
        rng: source of chance.
        share: probability that a building for which a surveyed one fits is replaced.
    """
    kept: list[Building] = []
    number = max((b.id for b in plan.buildings), default=0) + sum(len(s.rings) > 0 for s in plan.solids)
    replaced = 0
    for building in plan.buildings:
        p0, q0, p1, q1 = building.outline.bounds
        length, width = max(p1 - p0, q1 - q0), min(p1 - p0, q1 - q0)
        fitting = [
            s for s in choices if 0.6 * length <= s.length <= 1.05 * length and 0.6 * width <= s.width <= 1.05 * width
        ]
        if building.hollow or not fitting or rng.random() >= share:
            kept.append(building)
            continue
        choice = fitting[int(rng.random() * len(fitting))]
        angle = building.angle + (0.0 if p1 - p0 >= q1 - q0 else np.pi / 2)
        cos, sin = np.cos(angle), np.sin(angle)
        middle = building.world((p0 + p1) / 2, (q0 + q1) / 2)
        for roof_class, rings in choice.parts:
            number += 1
            placed = tuple(
                tuple(
                    np.column_stack(
                        [
                            middle[0] + ring[:, 0] * cos - ring[:, 1] * sin,
                            middle[1] + ring[:, 0] * sin + ring[:, 1] * cos,
                            ring[:, 2],
                        ]
                    )
                    for ring in plane
                )
                for plane in rings
            )
            plan.solids.append(
                Solid(number, roof_class, placed, building.base, building.colour, building.stain_colour,
                      building.stain_share, building.material)
            )  # fmt: skip
        replaced += 1
    plan.buildings[:] = kept
    return replaced
