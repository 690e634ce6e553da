"""Which labels a town's newcomers get: spread over it, and what was left unlabelled is no background."""

from types import SimpleNamespace

import numpy as np
import pytest
import shapely

from ridgeline.engine.feedback import Feedback
from ridgeline.engine.jobs.finetune import FinetuneJob
from ridgeline.engine.scenes.write import EASTING, NORTHING
from ridgeline.engine.training.finetune_benchmark import new_classes
from ridgeline.engine.training.finetune_benchmark.new_classes import (
    SETS,
    choose_labels,
    labelled_ground,
    measure_new_classes,
)
from ridgeline.engine.training.finetune_benchmark.town_things import METAL, PANEL, TILED, Thing
from ridgeline.engine.training.finetune_benchmark.trial import Trial


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


@pytest.mark.parametrize(
    ("surface", "used", "given", "kept"),
    [
        ("auto", True, True, False),
        ("auto", False, True, False),
        ("always", True, True, True),
        ("never", False, False, False),
    ],
)
def test_the_surface_is_given_and_kept_as_asked_and_a_row_says_where_it_was_left_out(
    tmp_path, monkeypatch, surface, used, given, kept
):
    jobs = []
    files = SimpleNamespace(rgb=tmp_path / "rgb.tif", dsm=tmp_path / "dsm.tif")
    kinds = sorted({name for item in SETS for name in item.shares})
    things = [
        Thing(shapely.box(EASTING + x, NORTHING - 20 * row - 8, EASTING + x + 8, NORTHING - 20 * row), name)
        for x in range(0, 470, 20)
        for row, name in enumerate(kinds, start=1)
    ]
    summary = {"classes": {name: {"iou": 0.25} for name in kinds}, "mean_iou": 0.25}
    monkeypatch.setattr(new_classes, "draw_town_with_things", lambda *_args: (files, things))
    monkeypatch.setattr(new_classes, "run_finetune", lambda job, _feedback: jobs.append(job))
    monkeypatch.setattr(
        new_classes, "run_evaluate", lambda job, _feedback: jobs.append(job) or SimpleNamespace(summary=summary)
    )
    spec = SimpleNamespace(input_of_kind=lambda kind: {"rgb": 1, "dsm": 2 if used else None}[kind])
    monkeypatch.setattr(new_classes, "load_package", lambda _folder: SimpleNamespace(spec=spec))
    rows = list(measure_new_classes(tmp_path, 1, Trial("m", surface=surface), Feedback()))
    assert len(jobs) == 2 * len(SETS) and all(job.rgb.path == str(files.rgb) for job in jobs)
    assert all((job.dsm is not None) is given for job in jobs)
    assert all(job.keep_surface is kept for job in jobs if isinstance(job, FinetuneJob))
    assert all(row.on.endswith("picture alone") is not used for row in rows)
