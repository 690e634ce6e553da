"""Metrics against hand-made cases, against torchmetrics, and as properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ridgeline.engine.evaluation.metrics import binary_iou, class_scores, confusion_matrix, rmse

LABELS = hnp.arrays(np.uint8, (9, 11), elements=st.integers(0, 3))


def test_confusion_matrix_has_the_truth_in_rows():
    matrix = confusion_matrix(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 2)
    assert matrix.tolist() == [[1, 1], [0, 2]]


def test_indices_outside_the_classes_are_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        confusion_matrix(np.array([0, 2]), np.array([0, 1]), 2)


@given(LABELS, LABELS)
def test_scores_agree_with_torchmetrics(truth, found):
    torch = pytest.importorskip("torch")
    classification = pytest.importorskip("torchmetrics.classification")
    scores = class_scores(confusion_matrix(truth, found, 4))
    metric = classification.MulticlassJaccardIndex(num_classes=4, average="none")
    expected = metric(torch.from_numpy(found.astype(np.int64)), torch.from_numpy(truth.astype(np.int64))).numpy()
    present = np.isfinite(scores.iou)
    np.testing.assert_allclose(scores.iou[present], expected[present], atol=1e-6)
    assert scores.accuracy == pytest.approx(float((truth == found).mean()))


@given(LABELS)
def test_a_map_agrees_wholly_with_itself(labels):
    scores = class_scores(confusion_matrix(labels, labels, 4))
    assert scores.mean_iou == 1 and scores.mean_recall == 1 and scores.accuracy == 1


def test_pixels_that_do_not_count_are_left_out():
    truth, found = np.array([True, True, False]), np.array([True, False, True])
    assert binary_iou(truth, found, np.array([True, False, False])) == 1
    assert np.isnan(binary_iou(truth, found, np.zeros(3, bool)))


def test_rmse_leaves_out_what_is_not_finite():
    assert rmse(np.array([1.0, 2.0, np.nan]), np.array([2.0, 1.0, 5.0])) == 1
