"""Scores say what a run of the model would show, classes included that the labels do not have."""

import numpy as np
import pytest
from finetune_helpers import OUTPUTS, ids_of, tiny_config, town

from ridgeline.engine.training.finetune.samples import TILE_PX
from ridgeline.engine.training.finetune.scores import found_classes, score_samples, validate_samples
from ridgeline.engine.training.finetune.teaching import plan_teaching


def perfect(samples, teaching):
    def predicted(index):
        return {"building": np.where(samples[index].truth == 0, 5.0, -5.0)[None].astype(np.float32)}

    return predicted


def test_a_perfect_answer_scores_one_and_each_half_counts_its_own_pixels():
    maps, samples = town(2)
    halves = [
        score_samples(perfect(samples, maps.teaching), samples, maps.teaching, ids_of(), validation=half)
        for half in (True, False)
    ]
    assert [half.mean_iou for half in halves] == [1.0, 1.0]
    core = (TILE_PX - 64) ** 2
    assert sum(int(half.matrix.sum()) for half in halves) == 2 * core
    assert halves[0].as_dict() == {"mean_iou": 1.0, "iou building": 1.0, "iou background": 1.0}


def test_wrong_answers_count_in_the_matrix_as_truth_by_found():
    maps, samples = town(1)
    nothing = {"building": np.full((1, TILE_PX, TILE_PX), -1.0, np.float32)}
    scores = score_samples(lambda _index: nothing, samples, maps.teaching, ids_of(), validation=False)
    assert scores.matrix[0, 0] == 0 and scores.matrix[0, 1] > 0 and scores.mean_iou == 0


def test_a_class_that_the_labels_do_not_have_is_a_wrong_answer():
    teaching = plan_teaching(tiny_config(), OUTPUTS, ("gable", "flat"), False, (), True)
    ids = ids_of()
    logits = np.zeros((12, 1, 3), np.float32)
    for pixel, name in enumerate(("flat", "gable", "mansard")):
        logits[ids["roof_class"][name] - 1, 0, pixel] = 9
    assert found_classes({"roof_class": logits}, teaching, ids).tolist() == [[1, 0, 2]]


def test_roofs_stand_where_there_is_a_building():
    teaching = plan_teaching(tiny_config(), OUTPUTS, ("gable",), True, (), True)
    ids = ids_of()
    logits = np.zeros((12, 1, 2), np.float32)
    logits[ids["roof_class"]["gable"] - 1] = 9
    found = found_classes({"roof_class": logits, "building": np.array([[[1.0, -1.0]]])}, teaching, ids)
    assert found.tolist() == [[0, 1]] and teaching.names == ("gable", "background")


@pytest.mark.parametrize("offset", [-1.6, 0.0, 1.2])
def test_how_well_buildings_could_be_told_from_ground_does_not_depend_on_the_logit(offset):
    maps, samples = town(2)
    noise = np.random.default_rng(1).normal(0, 0.3, (2, 1, TILE_PX, TILE_PX))

    def predicted(index, shift=0.0):
        clean = np.where(samples[index].truth == 0, 1.0, -1.0)[None]
        return {"building": (clean + noise[index] + offset + shift).astype(np.float32)}

    found = validate_samples(predicted, samples, maps.teaching, ids_of())
    plain = score_samples(predicted, samples, maps.teaching, ids_of(), validation=True)
    assert np.array_equal(found.plain.matrix, plain.matrix)
    moved = score_samples(lambda index: predicted(index, -offset), samples, maps.teaching, ids_of(), validation=True)
    assert found.best.mean_iou == pytest.approx(moved.mean_iou, abs=0.005)
