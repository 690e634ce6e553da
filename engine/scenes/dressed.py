"""True roofs in an invented neighbourhood: ground, trees, hedges and cars around the buildings of a city model.

What is measured on the result is measured on roof geometry that somebody surveyed; the rest of the world is ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from .chance import choose
from .chip import SceneChip, SceneConfig, dress, render
from .city import City, CityRoof, roof_class_of
from .plan import District, Plan, make_soil
from .roof_choice import roof_colours
from .sensor import SensorConfig
from .solids import Solid
from .styles import GRAVELLED, LAWN, PAVED, STYLES, TARRED
from .terrain import draw_terrain


@dataclass(frozen=True)
class DressedCity:
    """A city model as sensors might see it.

    Attributes:
        chip: picture, heights and labels; building id k belongs to ``roofs[k - 1]``.
        roofs: the roofs, in the order of their ids.
        epsg: EPSG code of the coordinates, if known.
        xmin: x of the left border.
        ymax: y of the upper border.
    """

    chip: SceneChip
    roofs: tuple[CityRoof, ...]
    epsg: int | None
    xmin: float
    ymax: float


def place_city(
    city: City, plan: Plan, rng: Generator, xmin: float, ymax: float, materials: tuple[str, ...] = ("tile", "tile")
) -> None:
    """Add all roofs of a city model to a plan whose world origin is at (xmin, ymax), each on the plan's terrain."""
    first = len(plan.buildings) + len(plan.solids)
    bases: dict[str, float] = {}
    colours: dict[str, tuple[str, tuple[object, ...]]] = {}
    for number, roof in enumerate(city.roofs, start=first + 1):
        rings = tuple(
            tuple(np.c_[ring[:, 0] - xmin, ymax - ring[:, 1], ring[:, 2] - roof.ground] for ring in plane)
            for plane in roof.rings
        )
        x, y = rings[0][0][:, :2].mean(axis=0)
        # Parts of one building keep their heights against each other.
        base = bases.setdefault(roof.building, plan.terrain.at(float(x), float(y)) - roof.ground) + roof.ground
        roof_class = roof_class_of(roof)
        level = roof_class == 1
        key = f"{roof.building}{level}"
        if key not in colours:
            material = choose(rng, ("gravel", "membrane", "slabs")) if level else choose(rng, materials)
            colours[key] = (material, roof_colours(rng, material, None))
        material, (colour, second, share) = colours[key]
        plan.solids.append(
            Solid(number, roof_class, rings, base, colour, second, share, material)  # type: ignore[arg-type]
        )


def dress_city(city: City, seed: int, gsd: float = 0.25, border_m: float = 20.0,
               config: SceneConfig | None = None) -> DressedCity:  # fmt: skip
    """Return a city model with invented surroundings, as sensors see it; the same arguments give the same bits.

    Args:
        city: the model; its coordinates are metres.
        seed: seed of the surroundings and of the sensors.
        gsd: metres per pixel.
        border_m: ground around the outermost buildings, metres.
        config: sensors (``sensor``, ``picture``, ``registered``); None: laser heights and a
            random light.
    """
    rng = np.random.default_rng((seed, len(city.roofs)))
    settings = config if config is not None else SceneConfig(sensor=SensorConfig(), feet=0.0, offset_m=200.0)
    x0, y0, x1, y1 = city.bounds
    xmin = math.floor((x0 - border_m) / gsd) * gsd
    ymax = math.ceil((y1 + border_m) / gsd) * gsd
    width, height = math.ceil((x1 + border_m - xmin) / gsd), math.ceil((ymax - y0 + border_m) / gsd)
    bounds = (0.0, 0.0, width * gsd, height * gsd)
    plan = Plan(draw_terrain(rng, bounds, 0.08, 0.0), make_soil(rng, "low_vegetation", "lawn", "meadow"))
    place_city(city, plan, rng, xmin, ymax)
    _surround(plan, rng, bounds)
    canvas = render(plan, gsd, 0, 0, height, width)
    chip = dress(canvas, plan, replace(settings, margin=0), rng, 0)
    return DressedCity(chip, city.roofs, city.epsg, xmin, ymax)


def _surround(plan: Plan, rng: Generator, bounds: tuple[float, float, float, float]) -> None:
    """Add yards, hedges, trees, sheds' clutter and cars around the solids of a plan."""
    garden = District(plan, rng, STYLES["suburb"], 0.0, 0.0, 0.0, 0.0)
    garden.lush = 1.0
    garden.taken = [solid.bounds for solid in plan.solids]
    for solid in plan.solids:
        x0, y0, x1, y1 = solid.bounds
        if (x1 - x0) * (y1 - y0) < 30:
            continue
        gap = rng.uniform(0.5, 5)
        if rng.random() < 0.6:
            garden.area(
                (x0 - gap, y0 - gap, x1 + gap, y1 + gap), (PAVED, TARRED, GRAVELLED, LAWN)[rng.integers(4)], 0.8
            )
        reach = rng.uniform(5, 12)
        if rng.random() < 0.5:
            side = y1 + reach if rng.random() < 0.5 else y0 - reach
            garden.hedge(x0 - reach, side, x1 + reach, side)
        if rng.random() < 0.4:
            garden.car(x0 - rng.uniform(2, 4), rng.uniform(y0, y1), math.pi / 2)
        garden.scatter((x0 - 12, y0 - 12, x1 + 12, y1 + 12), 0.35, gap=1.5)
    garden.scatter(bounds, 0.05, gap=2.0)
