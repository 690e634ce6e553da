"""What a town's labels say: panels lie on their roofs, and what was left unlabelled is no background."""

import numpy as np
import shapely

from ridgeline.engine.scenes.town import draw_town
from ridgeline.engine.training.finetune_benchmark.new_classes import (
    METAL,
    PANEL,
    TILED,
    Thing,
    choose_labels,
    labelled_ground,
    panel_outline,
)


def test_panels_lie_on_their_roofs():
    plan = draw_town(np.random.default_rng(3), (0.0, 0.0, 300.0, 300.0), {"suburb": 1.0}, 0.3, 0.05)
    panels = [(one, item) for one in plan.buildings for item in one.details if item.kind == "panel"]
    assert len(panels) > 3
    for building, panel in panels:
        outline = panel_outline(building, panel)
        assert building.polygon().buffer(1e-6).covers(outline)
        assert 0 < outline.area <= panel.length * panel.width + 1e-6


def test_forty_polygons_are_chosen_from_everywhere_and_the_rest_is_not_background():
    things = [
        Thing(shapely.box(20 * number, 30 * row, 20 * number + 8, 30 * row + 8), name)
        for number in range(30)
        for row, name in enumerate((PANEL, TILED, METAL))
    ]
    labels = choose_labels(things)
    assert len(labels) == 40
    for name in (PANEL, TILED, METAL):
        wests = [item.outline.bounds[0] for item in labels if item.name == name]
        assert min(wests) == 0 and max(wests) == 580 and max(np.diff(wests)) <= 60
    ground = labelled_ground(labels, things)
    assert all(ground.covers(item.outline) for item in labels)
    assert all(shapely.intersection(ground, item.outline).area == 0 for item in things if item not in labels)
    assert ground.area > 1.5 * sum(item.outline.area for item in labels)  # there is background, too
