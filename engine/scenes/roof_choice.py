"""From a plot to a roof: a class that fits, an outline, the roof's numbers, its colours, and what stands on it."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from ..classes import ROOF_CLASSES
from .buildings import Detail
from .chance import choose
from .footprints import Outline, composed, rectangle, regular_polygon
from .local_roofs import ANYWHERE, LocalRoofs
from .palette import ROOF_ANY, Colour, draw
from .panels import solar_panels
from .roofs import Roof

ROOF_IDS = {info.name: info.id for info in ROOF_CLASSES}

BALANCED: dict[str, float] = {
    "flat": 0.6, "gable": 0.7, "gambrel": 1.6, "row": 4.0, "multiple_eave": 1.8, "hipped_v1": 1.8, "hipped_v2": 3.0,
    "mansard": 1.4, "pyramid": 0.9, "arched": 1.4, "revolved": 1.0, "other": 0.5,
}  # fmt: skip
"""Weights of the share of buildings whose class is drawn without regard to the place; classes that few plots suit
weigh more."""


def fits(name: str, length: float, width: float) -> bool:
    """Return whether a roof class is credible on a plot of ``length`` by ``width`` metres (length is the longer)."""
    area, ratio = length * width, length / max(width, 0.1)
    if name in ("flat", "gable", "other"):
        return True
    if name == "gambrel":
        return 5 <= width <= 18
    if name == "row":
        return length >= 15 and area >= 200
    if name == "multiple_eave":
        return width >= 7 and area <= 1500
    if name == "hipped_v1":
        return ratio >= 1.1 and width <= 28 and area >= 14
    if name == "hipped_v2":
        return width >= 8 and area <= 2500
    if name == "mansard":
        return width >= 7 and area <= 2500
    if name == "pyramid":
        return width <= 22 and area >= 9
    if name == "arched":
        return area >= 35
    return 3 <= width <= 45  # revolved


def choose_class(rng: Generator, weights: dict[str, float], balance: float, length: float, width: float) -> str:
    """Return the name of a roof class for a plot.

    Args:
        rng: source of chance.
        weights: weight of each class in this kind of place.
        balance: probability of drawing from ``BALANCED`` instead.
        length: longer side of the plot, metres.
        width: shorter side, metres.
    """
    table = BALANCED if rng.random() < balance else weights
    names = [name for name in table if fits(name, length, width)]
    return choose(rng, names, [table[name] for name in names])


def _outline(rng: Generator, length: float, width: float, probability: float) -> Outline:
    if width >= 7.5 and rng.random() < probability:
        kind = choose(rng, ("L", "T", "U", "Z", "cross", "court"), (0.42, 0.24, 0.12, 0.08, 0.09, 0.05))
        wing = width * rng.uniform(0.42, 0.62) if kind in ("L", "T", "Z") else width * rng.uniform(0.28, 0.42)
        if kind == "cross":
            wing = width * rng.uniform(0.4, 0.6)
        if kind == "court" and width < 24:
            kind = "L"
        return composed(kind, length, width, wing, float(rng.uniform(0, 1)), float(rng.uniform(0.75, 1)))
    return rectangle(length, width)


def make_roof(rng: Generator, name: str, length: float, width: float, pitch: float) -> tuple[Roof, Outline]:
    """Return a roof of class ``name`` and its outline inside ``length`` by ``width`` metres.

    Args:
        rng: source of chance.
        name: roof class name.
        length: along p, metres, at least ``width``.
        width: along q, metres.
        pitch: typical slope of the place, metres per metre.
    """
    roof_id = ROOF_IDS[name]
    slope = float(np.clip(pitch * np.exp(rng.normal(0, 0.22)), 0.12, 1.4))
    if name == "flat":
        parapet = choose(rng, (0.0, rng.uniform(0.15, 1.0)), (0.45, 0.55))
        values = {"parapet": parapet, "parapet_width": float(rng.uniform(0.25, 0.5)), "fall": rng.uniform(-0.02, 0.02)}
        return Roof(roof_id, "flat", values), _outline(rng, length, width, 0.3)
    if name == "gable":
        offset = choose(rng, (0.0, rng.uniform(-0.4, 0.4)), (0.8, 0.2))
        return Roof(roof_id, "gable", {"slope": slope, "ridge_offset": offset}), _outline(rng, length, width, 0.22)
    if name == "gambrel":
        values = {"steep": rng.uniform(1.3, 2.6), "slope": rng.uniform(0.3, 0.6), "knee": width * rng.uniform(0.1, 0.2)}
        return Roof(roof_id, "gambrel", values), _outline(rng, length, width, 0.1)
    if name == "row":
        bays = max(round(length / rng.uniform(4.0, 12.0)), 3)
        values = {"bays": bays, "rise": length / bays * rng.uniform(0.16, 0.42), "kind": float(rng.integers(3))}
        return Roof(roof_id, "row", values), rectangle(length, width)
    if name == "multiple_eave":
        tiers = 3 if width > 14 and rng.random() < 0.4 else 2
        values = {"tiers": tiers, "inset": width * rng.uniform(0.12, 0.2), "step": rng.uniform(1.5, 3.2),
                  "slope": slope, "curve": rng.uniform(0, 0.12)}  # fmt: skip
        return Roof(roof_id, "multiple_eave", values), _outline(rng, length, width, 0.15)
    if name == "hipped_v1":
        width = min(width, length / 1.15)
        if rng.random() < 0.22:
            steep = max(slope, 0.4)
            # Smaller cuts than these cover less than a plane must (5 % of the roof): such a roof still looks gabled.
            values = {"slope": steep, "half_hip": rng.uniform(0.6, 0.85), "end_slope": steep * rng.uniform(0.8, 1.2)}
            return Roof(roof_id, "gable", values), rectangle(length, width)
        values = {"slope": slope, "end_ratio": float(rng.uniform(0.95, 1.7))}
        return Roof(roof_id, "hipped", values), rectangle(length, width)
    if name == "hipped_v2":
        return Roof(roof_id, "hipped", {"slope": slope}), _outline(rng, length, max(width, 7.6), 1.0)
    if name == "mansard":
        values = {"steep": rng.uniform(1.5, 3.5), "slope": rng.uniform(0.0, 0.45),
                  "knee": min(rng.uniform(0.8, 2.2), width * 0.22)}  # fmt: skip
        return Roof(roof_id, "mansard", values), _outline(rng, length, width, 0.25)
    if name == "pyramid":
        side = min(length, width * rng.uniform(1.0, 1.1))
        rise = width * float(np.clip(slope, 0.25, 1.2)) * rng.uniform(0.4, 0.6)
        if rng.random() < 0.15:
            return Roof(roof_id, "pyramid", {"rise": rise}), regular_polygon(choose(rng, (6, 8)), width / 2)
        return Roof(roof_id, "pyramid", {"rise": rise}), rectangle(side, width)
    if name == "arched":
        return Roof(roof_id, "arched", {"rise": width * rng.uniform(0.14, 0.5)}), rectangle(length, width)
    if name == "revolved":
        radius = width / 2
        values = {"rise": radius * rng.uniform(0.25, 1.1), "kind": choose(rng, (0, 1, 2), (0.5, 0.4, 0.1))}
        return Roof(roof_id, "revolved", values), Outline(radius=radius)
    return _other(rng, length, width)


def _other(rng: Generator, length: float, width: float) -> tuple[Roof, Outline]:
    roof_id = ROOF_IDS["other"]
    form = choose(rng, ("mono", "offset_sheds", "butterfly", "freeform"), (0.68, 0.14, 0.09, 0.09))
    if form == "freeform" and width < 9:
        form = "mono"
    if form == "mono":
        slope = float(np.clip(rng.lognormal(-1.6, 0.45), 0.1, 0.7))
        slope = min(slope, 5.0 / width)
        return Roof(roof_id, "mono", {"slope": max(slope, 0.09)}), rectangle(length, width)
    if form == "offset_sheds":
        values = {
            "slope": rng.uniform(0.2, 0.6),
            "step": rng.uniform(0.8, 2.5),
            "split": width * rng.uniform(-0.2, 0.2),
        }
        return Roof(roof_id, "offset_sheds", values), rectangle(length, width)
    if form == "butterfly":
        return Roof(roof_id, "butterfly", {"slope": rng.uniform(0.1, 0.35)}), rectangle(length, width)
    values = {"rise": min(width * rng.uniform(0.1, 0.3), 8.0), "waves": choose(rng, (0, 1, 2))}
    return Roof(roof_id, "freeform", values), rectangle(length, width)


def roof_colours(
    rng: Generator, material: str, family: str | None, local: LocalRoofs = ANYWHERE
) -> tuple[Colour, Colour, float]:
    """Return colour, stain colour and stained share of a roof; ``family`` fixes the colour of a district."""
    if rng.random() < local.strays:
        family = choose(rng, ROOF_ANY)
    elif family is None:
        family = choose(rng, local.families[material])
    colour = draw(rng, family)
    if material == "rusty" or rng.random() < 0.2:
        stain = draw(rng, choose(rng, ("rust", "soil", "metal", "thatch", "leaf", "slate")))
        share = float(rng.uniform(0.15, 0.6))
    else:
        stain, share = (colour[0] * 0.7, colour[1] * 0.7, colour[2] * 0.7), 0.0
    return colour, stain, share


def make_details(rng: Generator, name: str, outline: Outline, roof: Roof, plain: bool) -> tuple[Detail, ...]:
    """Return chimneys, dormers, skylights, panels and plant for a roof; ``plain`` roofs (huts, sheds) have few."""
    p0, q0, p1, q1 = outline.bounds
    length, width = p1 - p0, q1 - q0
    details: list[Detail] = []
    if min(length, width) < 2.5 or length * width < 25 or (plain and rng.random() < 0.8):
        return ()
    if name == "flat":
        for _ in range(min(int(rng.poisson(length * width / 90)), 14)):
            size = float(np.exp(rng.uniform(np.log(0.6), np.log(4.0))))
            details.append(
                Detail("box", rng.uniform(p0 + 1, p1 - 1), rng.uniform(q0 + 1, q1 - 1), size * rng.uniform(0.7, 2.0),
                       size, rng.uniform(0.3, 2.6), (draw(rng, choose(rng, ("concrete", "metal", "white",
                                                                                       "slate")))))
            )  # fmt: skip
        return (*details, *(solar_panels(rng, roof, outline.bounds) if rng.random() < 0.15 else ()))
    for _ in range(choose(rng, (0, 1, 2, 3), (0.35, 0.35, 0.2, 0.1)) + int(length / 25)):
        details.append(
            Detail("box", rng.uniform(p0, p1) * 0.85, rng.normal(0, 0.15) * width, rng.uniform(0.5, 1.2),
                   rng.uniform(0.4, 0.8), rng.uniform(0.6, 1.4),
                   (draw(rng, choose(rng, ("red_paint", "concrete", "slate", "terracotta")))))
        )  # fmt: skip
    if name in ("gable", "hipped_v1", "mansard", "gambrel", "hipped_v2") and width > 7 and rng.random() < 0.22:
        size = rng.uniform(1.4, 3.0)
        for k in range(int(rng.integers(1, 4))):
            place = p0 + length * (k + 1) / 4
            for side in (-1, 1):
                details.append(Detail("dormer", place, side * width * 0.24, size, width * 0.3, 0.5, (0.3, 0.3, 0.3)))
    if rng.random() < 0.25:
        for _ in range(int(rng.integers(1, 5))):
            dark = draw(rng, choose(rng, ("panel", "slate", "white")))
            details.append(Detail("window", rng.uniform(p0, p1) * 0.8, choose(rng, (-1, 1)) * width * 0.25,
                                  rng.uniform(0.7, 1.1), rng.uniform(0.8, 1.4), 0.03, dark))  # fmt: skip
    panels = solar_panels(rng, roof, outline.bounds) if rng.random() < 0.15 else ()
    return (*details, *panels)
