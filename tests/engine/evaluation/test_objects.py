"""Things of truth and result, paired: missed, invented, of the wrong class."""

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from ridgeline.engine.evaluation.objects import Shape, compare_objects

PLACES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.sampled_from("ab")), max_size=12)


def at(x, y, name=None, side=10):
    return Shape(shapely.box(x, y, x + side, y + side), name)


def test_one_of_each_fault():
    truth = [at(0, 0, "gable"), at(50, 0, "flat"), at(100, 0, "flat")]
    found = [at(1, 0, "gable"), at(51, 0, "gable"), at(200, 0, "flat")]
    scores = compare_objects(truth, found, complete=True)
    assert [(fault.kind, fault.truth, fault.found) for fault in scores.faults] == [
        ("wrong class", "flat", "gable"),
        ("missed", "flat", None),
        ("invented", None, "flat"),
    ]
    assert (scores.matched, scores.right_class) == (2, 1)
    assert scores.precision == scores.recall == pytest.approx(2 / 3)
    assert scores.faults[0].iou == pytest.approx(9 / 11)


def test_half_an_overlap_is_none():
    scores = compare_objects([at(0, 0)], [at(6, 0)], complete=True)
    assert [fault.kind for fault in scores.faults] == ["missed", "invented"]
    assert {round(fault.iou, 2) for fault in scores.faults} == {0.25}


def test_sparse_labels_cannot_call_anything_invented():
    scores = compare_objects([at(0, 0)], [at(0, 0), at(90, 90)], complete=False)
    assert scores.faults == () and scores.precision is None and scores.found is None and scores.recall == 1


@given(PLACES)
def test_a_result_that_is_the_truth_has_no_faults(places):
    shapes = [at(20 * i + x / 10, y, name) for i, (x, y, name) in enumerate(places)]
    scores = compare_objects(shapes, shapes, complete=True)
    assert scores.faults == () and scores.right_class == len(shapes)


@given(PLACES, PLACES)
def test_every_shape_is_accounted_for_once(truth, found):
    scores = compare_objects([at(*item) for item in truth], [at(*item) for item in found], complete=True)
    kinds = [fault.kind for fault in scores.faults]
    assert kinds.count("missed") + scores.matched == len(truth)
    assert kinds.count("invented") + scores.matched == len(found)
    assert kinds.count("wrong class") + scores.right_class == scores.matched
