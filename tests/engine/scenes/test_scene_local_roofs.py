"""Towns have roof colours of their own; single scenes mix those of all places."""

import numpy as np

from ridgeline.engine.scenes.local_roofs import ANYWHERE, draw_local_roofs
from ridgeline.engine.scenes.materials import ROOF_FAMILIES
from ridgeline.engine.scenes.town import draw_plan, draw_town

BOUNDS = (0.0, 0.0, 400.0, 400.0)


def spread(plan: object) -> float:
    """Return how far the colours of tiled roofs lie from each other: the median distance from their median."""
    tiled = [b.colour for b in plan.buildings if b.material == "tile"]  # type: ignore[attr-defined]
    colours = np.sqrt(np.array(tiled))
    return float(np.median(np.abs(colours - np.median(colours, axis=0)).sum(axis=1)))


def test_a_covering_has_two_families_at_most_and_they_are_its_own() -> None:
    for seed in range(30):
        local = draw_local_roofs(np.random.default_rng(seed))
        assert set(local.families) == set(ROOF_FAMILIES) and local.strays < ANYWHERE.strays
        for covering, families in local.families.items():
            assert len(set(families)) <= 2 and set(families) <= set(ROOF_FAMILIES[covering])


def test_roofs_of_a_town_are_more_alike_than_those_of_scenes() -> None:
    towns, scenes = [], []
    for seed in range(6):
        towns.append(spread(draw_town(np.random.default_rng(seed), BOUNDS, {"villas": 1.0}, 0.3, 0.0)))
        scenes.append(spread(draw_plan(np.random.default_rng(seed), BOUNDS, {"villas": 1.0}, 0.3, 0.0)))
    assert np.median(towns) < 0.8 * np.median(scenes)
