"""Overlap of masks: exact fractions, independent implementations, empty masks."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist
from skimage.metrics import hausdorff_distance
from sklearn.metrics import jaccard_score, precision_score, recall_score

from keras_derm.evaluation import mean_overlap, overlap_scores
from keras_derm.evaluation.overlap_scores import boundary

FULL, EMPTY = np.ones((4, 4), bool), np.zeros((4, 4), bool)


def mask(*rows):
    return np.array([[c == "#" for c in row] for row in rows])


SQUARE = mask("....", ".##.", ".##.", "....")
BESIDE = mask("....", "..##", "..##", "....")


def test_fractions_of_two_squares_that_share_a_side():
    scores = overlap_scores(SQUARE, BESIDE)
    expected = {
        "dice": Fraction(4, 8),
        "jaccard": Fraction(2, 6),
        "thresholded_jaccard": 0,
        "precision": Fraction(2, 4),
        "recall": Fraction(2, 4),
        "specificity": Fraction(10, 12),
        "hausdorff": 1,
        "hausdorff_95": 1,
    }
    for name, value in expected.items():
        assert scores[name] == pytest.approx(float(value)), name
    assert scores["hausdorff_share"] == pytest.approx(1 / np.hypot(4, 4))


def test_jaccard_counts_from_0_65_on():
    eleven = np.zeros((5, 4), bool)
    eleven.flat[:20] = True
    thirteen = eleven.copy()
    thirteen.flat[:7] = False  # 13 of 20
    assert overlap_scores(eleven, thirteen)["thresholded_jaccard"] == 0.65
    thirteen.flat[7] = False
    assert overlap_scores(eleven, thirteen)["thresholded_jaccard"] == 0
    assert overlap_scores(eleven, thirteen)["jaccard"] == 0.6


def test_two_empty_masks_agree():
    scores = overlap_scores(EMPTY, EMPTY)
    assert scores["dice"] == scores["jaccard"] == scores["specificity"] == 1
    assert scores["thresholded_jaccard"] == 1
    assert scores["hausdorff"] == scores["hausdorff_95"] == 0
    assert np.isnan(scores["precision"]) and np.isnan(scores["recall"])


@pytest.mark.parametrize("truth, found", [(SQUARE, EMPTY), (EMPTY, SQUARE)])
def test_one_empty_mask_is_as_far_away_as_can_be(truth, found):
    scores = overlap_scores(truth, found)
    assert scores["dice"] == scores["jaccard"] == 0
    assert scores["hausdorff"] == scores["hausdorff_95"] == np.hypot(4, 4)
    assert scores["hausdorff_share"] == 1


def test_specificity_is_not_defined_without_skin():
    scores = overlap_scores(FULL, SQUARE)
    assert np.isnan(scores["specificity"])
    assert scores["recall"] == 4 / 16


def test_masks_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"Received: \(4, 4\) and \(3, 4\)"):
        overlap_scores(FULL, FULL[:3])


def blobs(seed):
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:40, :50]
    centre = generator.uniform(10, 35, 2)
    radius = generator.uniform(4, 12)
    blob = np.hypot(rows - centre[0], columns - centre[1]) < radius
    return blob ^ (generator.uniform(size=blob.shape) < 0.01)


@pytest.mark.parametrize("seed", range(5))
def test_figures_are_those_of_scikit_learn_scikit_image_and_scipy(seed):
    truth, found = blobs(seed), blobs(seed + 100)
    scores = overlap_scores(truth, found)
    flat = truth.ravel(), found.ravel()
    assert scores["jaccard"] == pytest.approx(jaccard_score(*flat))
    assert scores["precision"] == pytest.approx(precision_score(*flat))
    assert scores["recall"] == pytest.approx(recall_score(*flat))
    specificity = recall_score(~flat[0], ~flat[1])
    assert scores["specificity"] == pytest.approx(specificity)
    edges = boundary(truth), boundary(found)
    assert scores["hausdorff"] == pytest.approx(hausdorff_distance(*edges))
    apart = cdist(*(np.argwhere(edge) for edge in edges))
    mostly = max(np.percentile(apart.min(axis=i), 95) for i in (0, 1))
    assert scores["hausdorff_95"] == pytest.approx(mostly)


def test_lesions_are_drawn_with_all_their_photographs():
    """Ten photographs of each lesion say no more of it than one."""
    generator = np.random.default_rng(0)
    dice = generator.uniform(0.5, 1, 30)
    one = pd.DataFrame({"dice": dice})
    ten = pd.DataFrame({"dice": dice.repeat(10)})
    lesions = np.arange(30)
    single = mean_overlap(one, lesions).iloc[0]
    repeated = mean_overlap(ten, lesions.repeat(10)).iloc[0]
    naive = mean_overlap(ten, np.arange(300)).iloc[0]
    assert single["value"] == pytest.approx(dice.mean())
    assert repeated[["value", "low", "high"]].tolist() == pytest.approx(
        single[["value", "low", "high"]].tolist()
    )
    width = single["high"] - single["low"]
    assert naive["high"] - naive["low"] < 0.5 * width
    normal = 2 * 1.96 * dice.std(ddof=1) / np.sqrt(30)
    assert width == pytest.approx(normal, rel=0.15)


def test_means_leave_out_what_is_not_defined():
    scores = pd.DataFrame({"recall": [0.5, np.nan, 1.0]})
    found = mean_overlap(scores, np.arange(3)).iloc[0]
    assert found["value"] == 0.75
    assert found["n"] == 2
