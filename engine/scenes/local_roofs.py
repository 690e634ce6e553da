"""What roofs are coloured like in one town: a kiln's tiles, a dealer's sheets, and few strays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from numpy.random import Generator

from .chance import choose
from .materials import ROOF_FAMILIES


@dataclass(frozen=True)
class LocalRoofs:
    """Colours of roofs in one place.

    Attributes:
        families: colour families by covering; what stands twice is twice as frequent.
        strays: share of roofs of any other colour.
    """

    families: Mapping[str, tuple[str, ...]]
    strays: float


ANYWHERE = LocalRoofs(ROOF_FAMILIES, 0.12)
"""Roofs of all places mixed: what a network should be prepared for."""


def draw_local_roofs(rng: Generator) -> LocalRoofs:
    """Return the roof colours of one town: of each covering's families one that is common and one that is seen."""
    families = {
        covering: (common := choose(rng, known), common, choose(rng, known))
        for covering, known in ROOF_FAMILIES.items()
        if covering != "pale_tile"
    }
    # not drawn: one more draw would make all towns of a seed others, those too that benchmarks are compared on
    families["pale_tile"] = ("pale_tile", "pale_tile", "terracotta")
    return LocalRoofs(families, 0.03)
