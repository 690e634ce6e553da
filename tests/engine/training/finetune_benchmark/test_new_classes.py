"""Which labels a town's newcomers get: spread over it, and what was left unlabelled is no background."""

import numpy as np
import shapely

from ridgeline.engine.training.finetune_benchmark.new_classes import SETS, choose_labels, labelled_ground
from ridgeline.engine.training.finetune_benchmark.town_things import METAL, PANEL, TILED, Thing


def test_forty_polygons_are_chosen_from_everywhere_and_the_rest_is_not_background():
    things = [
        Thing(shapely.box(20 * number, 30 * row, 20 * number + 8, 30 * row + 8), name)
        for number in range(30)
        for row, name in enumerate((PANEL, TILED, METAL))
    ]
    labels = choose_labels(things, SETS[0].shares)
    assert len(labels) == 40
    for name in (PANEL, TILED, METAL):
        wests = [item.outline.bounds[0] for item in labels if item.name == name]
        assert min(wests) == 0 and max(wests) == 580 and max(np.diff(wests)) <= 60
    ground = labelled_ground(labels, things)
    assert all(ground.covers(item.outline) for item in labels)
    assert all(shapely.intersection(ground, item.outline).area == 0 for item in things if item not in labels)
    assert ground.area > 1.5 * sum(item.outline.area for item in labels)  # there is background, too


def test_whoever_labels_a_panel_labels_the_roof_under_it():
    roofs = [Thing(shapely.box(20 * number, 0, 20 * number + 10, 8), TILED) for number in range(30)]
    panels = [Thing(shapely.box(20 * number + 2, 2, 20 * number + 6, 5), PANEL) for number in range(3, 30, 5)]
    labels = choose_labels([*roofs, *panels], {PANEL: 4, TILED: 7})
    chosen = [item for item in labels if item.name == PANEL]
    taught = [item for item in labels if item.name == TILED]
    assert len(chosen) == 4 and len(taught) == 7
    assert all(any(roof.outline.covers(panel.outline) for roof in taught) for panel in chosen)
