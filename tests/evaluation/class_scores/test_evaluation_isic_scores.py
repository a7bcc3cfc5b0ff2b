import numpy as np
import pandas as pd
import pytest
import sklearn.metrics

from keras_derm.evaluation import (
    balanced_multiclass_accuracy,
    isic2020_score,
    isic2024_score,
)
from keras_derm.evaluation.class_scores import metrics


def example(n=400, n_classes=4, seed=0, decimals=2):
    generator = np.random.default_rng(seed)
    y_true = generator.choice(n_classes, n, p=[0.1, 0.6, 0.2, 0.1])
    logits = generator.normal(size=(n, n_classes))
    logits[np.arange(n), y_true] += 1
    scores = np.exp(logits).round(decimals) + 0.1
    return y_true, scores / scores.sum(axis=1, keepdims=True)


def kaggle_partial_auc(is_malignant, score):
    """As the challenge computed it: scikit-learn's area of low false positive rate
    with the classes swapped, its McClish standardisation undone."""
    standardised = sklearn.metrics.roc_auc_score(~is_malignant, -score, max_fpr=0.2)
    least, most = 0.5 * 0.2**2, 0.2
    return least + (most - least) * (standardised - 0.5) / 0.5


@pytest.mark.parametrize("decimals", [1, 2, 12])
def test_isic_2024_score_is_the_challenges(decimals):
    for seed in range(5):
        y_true, y_prob = example(seed=seed, decimals=decimals)
        expected = kaggle_partial_auc(y_true == 0, y_prob[:, 0])
        assert isic2024_score(y_true == 0, y_prob[:, 0]) == pytest.approx(expected)


def test_isic_2024_score_of_a_perfect_a_useless_and_a_wrong_ranking():
    truth = np.repeat([False, True], 50)
    assert isic2024_score(truth, truth.astype(float)) == pytest.approx(0.2)
    assert isic2024_score(truth, np.zeros(100)) == pytest.approx(0.02)
    assert isic2024_score(truth, -truth.astype(float)) == 0
    assert np.isnan(isic2024_score([False, False], [0.1, 0.2]))


def test_isic_2019_score_is_balanced_accuracy_where_nothing_ties():
    y_true, y_prob = example(decimals=12)
    expected = sklearn.metrics.balanced_accuracy_score(y_true, y_prob.argmax(axis=1))
    assert balanced_multiclass_accuracy(y_true, y_prob) == pytest.approx(expected)


def test_isic_2019_score_counts_ties_as_wrong_and_leaves_absent_classes_out():
    y_prob = np.array([[0.5, 0.5, 0], [0.6, 0.4, 0], [0.1, 0.9, 0]])
    assert balanced_multiclass_accuracy([0, 0, 1], y_prob) == 0.75
    confusion = metrics.confusion_matrix([0, 0, 1], y_prob.argmax(axis=1), 3)
    assert metrics.balanced_accuracy(confusion) == 1


def test_scores_are_those_of_the_official_package():
    official = pytest.importorskip(
        "isic_challenge_scoring.metrics", reason="isic-challenge-scoring not installed"
    )
    y_true, y_prob = example()
    y_prob[:20] = 0.25
    names = ["MEL", "NV", "BCC", "AK"]
    truth = pd.DataFrame(np.eye(4)[y_true], columns=names)
    predicted, weights = pd.DataFrame(y_prob, columns=names), pd.Series(np.ones(400))
    expected = official.balanced_multiclass_accuracy(truth, predicted, weights)
    assert balanced_multiclass_accuracy(y_true, y_prob) == pytest.approx(expected)
    expected = official.auc(truth["MEL"], predicted["MEL"], weights)
    assert isic2020_score(y_true == 0, y_prob[:, 0]) == pytest.approx(expected)
    # The package's area keeps what lies under 80 % sensitivity; from the curve's
    # first point at 80 % to the right that is a rectangle.
    area = official.auc_above_sensitivity(truth["MEL"], predicted["MEL"], weights, 0.80)
    false_alarms, found, _ = sklearn.metrics.roc_curve(y_true == 0, y_prob[:, 0])
    last = np.flatnonzero(found < 0.8)[-1]
    start = np.interp(0.8, found[last : last + 2], false_alarms[last : last + 2])
    below = 0.8 * (1 - start)
    assert isic2024_score(y_true == 0, y_prob[:, 0]) == pytest.approx(area - below)
