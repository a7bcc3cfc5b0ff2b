import subprocess
import sys

import numpy as np
import pytest
import sklearn.metrics

from keras_derm.evaluation import (
    brier_score,
    calibration_slope,
    evaluate,
    expected_calibration_error,
    operating_points,
    threshold_at_sensitivity,
)
from keras_derm.evaluation.class_scores import metrics
from keras_derm.evaluation.class_scores.weighted_metrics import WeightedMetrics


def example(n=400, n_classes=4, seed=0, decimals=1):
    """Targets and coarsely rounded probabilities, so that scores tie."""
    generator = np.random.default_rng(seed)
    y_true = generator.choice(n_classes, n, p=[0.1, 0.6, 0.2, 0.1])
    logits = generator.normal(size=(n, n_classes))
    logits[np.arange(n), y_true] += 1
    scores = np.exp(logits).round(decimals) + 0.1
    return y_true, scores / scores.sum(axis=1, keepdims=True)


def test_sensitivity_is_tp_over_tp_plus_fn_on_melanets_counts():
    # MelaNet's paper prints 91.76 % as sensitivity; that is the NPV of its counts:
    # 53 of 75 melanomas found, 245 of 304 benign lesions called benign.
    confusion = np.array([[245, 59], [22, 53]])
    counts = metrics.binary_counts(confusion, index=1)
    assert metrics.sensitivity(counts) == pytest.approx(53 / 75)
    assert round(100 * metrics.sensitivity(counts), 1) == 70.7
    assert round(100 * metrics.specificity(counts), 1) == 80.6
    assert round(100 * metrics.npv(counts), 2) == 91.76
    assert metrics.ppv(counts) == pytest.approx(53 / 112)


@pytest.mark.parametrize(
    ("model", "found", "cleared", "printed", "sensitivity"),
    [
        ("VGG-GAP", 20, 299, 84.46, 26.7),
        ("VGG-GAP, 5x", 24, 297, 85.34, 32.0),
        ("VGG-GAP, 10x", 28, 291, 86.09, 37.3),
        ("MelaNet", 53, 245, 91.76, 70.7),
    ],
)
def test_what_melanet_prints_as_sensitivity_is_npv(
    model, found, cleared, printed, sensitivity
):
    # ISIC 2016: 75 melanomas, of which `found`, and 304 others, of which `cleared`.
    y_true = np.repeat([0, 0, 1, 1], [found, 75 - found, cleared, 304 - cleared])
    y_pred = np.repeat([0, 1, 1, 0], [found, 75 - found, cleared, 304 - cleared])
    y_prob = np.eye(2)[y_pred]
    overall = evaluate(y_true, y_prob, ("MEL", "benign"), n_replicates=10).overall
    assert 100 * overall["npv"]["value"] == pytest.approx(printed, abs=0.006)
    assert 100 * overall["sensitivity"]["value"] == pytest.approx(sensitivity, abs=0.05)
    assert overall["false_negatives"]["value"] == 75 - found


def test_metrics_agree_with_scikit_learn():
    y_true, y_prob = example()
    y_pred = y_prob.argmax(axis=1)
    confusion = metrics.confusion_matrix(y_true, y_pred, 4)
    assert (confusion == sklearn.metrics.confusion_matrix(y_true, y_pred)).all()
    expected = sklearn.metrics.balanced_accuracy_score(y_true, y_pred)
    assert metrics.balanced_accuracy(confusion) == pytest.approx(expected)
    expected = sklearn.metrics.accuracy_score(y_true, y_pred)
    assert metrics.accuracy(confusion) == pytest.approx(expected)
    expected = sklearn.metrics.roc_auc_score(y_true, y_prob, multi_class="ovr")
    assert metrics.macro_auc(y_true, y_prob) == pytest.approx(expected)
    expected = sklearn.metrics.f1_score(y_true, y_pred, average="macro")
    assert metrics.macro_f1(confusion) == pytest.approx(expected)
    counts = metrics.binary_counts(confusion, index=0)
    recall = sklearn.metrics.recall_score
    precision = sklearn.metrics.precision_score
    is_0, called_0 = y_true == 0, y_pred == 0
    assert metrics.sensitivity(counts) == pytest.approx(recall(is_0, called_0))
    assert metrics.specificity(counts) == pytest.approx(recall(~is_0, ~called_0))
    assert metrics.ppv(counts) == pytest.approx(precision(is_0, called_0))
    assert metrics.npv(counts) == pytest.approx(precision(~is_0, ~called_0))


@pytest.mark.parametrize("decimals", [1, 12])
def test_weighted_metrics_agree_with_scikit_learn(decimals):
    y_true, y_prob = example(decimals=decimals)
    generator = np.random.default_rng(1)
    cluster = generator.integers(0, 150, len(y_true))
    weights = generator.integers(0, 4, size=(150, 3)).astype(float)
    scorer = WeightedMetrics(
        y_true,
        y_prob,
        cluster,
        150,
        positive=0,
        operating_points={0.9: 0.3},
        per_class=True,
    )
    found = scorer(weights)
    for replicate in range(3):
        value = dict(zip(scorer.names, found[:, replicate], strict=True))
        of_image = weights[cluster, replicate]
        y_pred, kept = y_prob.argmax(axis=1), of_image > 0
        for k in range(4):
            expected = sklearn.metrics.roc_auc_score(
                y_true == k, y_prob[:, k], sample_weight=of_image
            )
            assert value[f"auc/{k}"] == pytest.approx(expected)
        expected = np.mean([value[f"auc/{k}"] for k in range(4)])
        assert value["macro_auc"] == pytest.approx(expected)
        expected = sklearn.metrics.balanced_accuracy_score(
            y_true[kept], y_pred[kept], sample_weight=of_image[kept]
        )
        assert value["balanced_accuracy"] == pytest.approx(expected)
        expected = sklearn.metrics.f1_score(
            y_true, y_pred, average="macro", sample_weight=of_image
        )
        assert value["macro_f1"] == pytest.approx(expected)
        expected = sklearn.metrics.accuracy_score(
            y_true, y_pred, sample_weight=of_image
        )
        assert value["accuracy"] == pytest.approx(expected)
        at_threshold = sklearn.metrics.confusion_matrix(
            y_true == 0, y_prob[:, 0] >= 0.3, sample_weight=of_image
        )
        expected = np.diag(at_threshold) / at_threshold.sum(axis=1)
        assert value["specificity_at_90"] == pytest.approx(expected[0])
        assert value["sensitivity_at_90"] == pytest.approx(expected[1])


def test_milk10k_score_is_the_mean_f1_of_what_is_above_one_half():
    y_true, y_prob = example()
    truth, called = np.eye(4, dtype=int)[y_true], (y_prob > 0.5).astype(int)
    expected = sklearn.metrics.f1_score(truth, called, average="macro")
    assert metrics.milk10k_score(y_true, y_prob) == pytest.approx(expected)
    assert not called.any(axis=1).all()  # some are called of no class
    # The official scorer makes a present of classes that nobody has or is said to have.
    more = np.hstack([y_prob, np.zeros((len(y_prob), 1))])
    assert metrics.milk10k_score(y_true, more) == pytest.approx((4 * expected + 1) / 5)


def test_weights_of_one_give_the_plain_metrics():
    y_true, y_prob = example()
    scorer = WeightedMetrics(y_true, y_prob, np.arange(400), 400, positive=0)
    found = dict(zip(scorer.names, scorer(np.ones((400, 1)))[:, 0], strict=True))
    confusion = metrics.confusion_matrix(y_true, y_prob.argmax(axis=1), 4)
    counts = metrics.binary_counts(confusion, 0)
    assert found["sensitivity"] == metrics.sensitivity(counts)
    assert found["macro_auc"] == pytest.approx(metrics.macro_auc(y_true, y_prob))
    assert "sensitivity_at_90" not in found


def test_auc_counts_pairs_and_half_of_ties():
    assert metrics.auc([True, True, False], [0.9, 0.4, 0.4]) == 0.75


def test_what_is_not_defined_is_nan_and_never_zero():
    counts = metrics.binary_counts(np.array([[5, 0], [0, 0]]), index=1)
    assert np.isnan(metrics.sensitivity(counts))
    assert np.isnan(metrics.ppv(counts))
    assert metrics.specificity(counts) == 1
    assert np.isnan(metrics.auc([False, False], [0.1, 0.2]))


def test_macro_metrics_are_over_the_classes_present():
    y_true = np.array([0, 0, 1, 1])
    y_prob = np.array([[0.6, 0.4, 0], [0.4, 0.6, 0], [0.3, 0.7, 0], [0.2, 0.7, 0.1]])
    confusion = metrics.confusion_matrix(y_true, y_prob.argmax(axis=1), 3)
    assert metrics.balanced_accuracy(confusion) == 0.75
    assert metrics.macro_auc(y_true, y_prob) == 1


def test_threshold_reaches_the_sensitivity_and_is_the_highest_that_does():
    y_true = np.array([True] * 10 + [False] * 10)
    score = np.concatenate([np.arange(1, 11), np.arange(10)]) / 10
    threshold = threshold_at_sensitivity(y_true, score, 0.9)
    assert threshold == 0.2
    assert (score[y_true] >= threshold).mean() == 0.9
    assert threshold_at_sensitivity(y_true, score, 1.0) == 0.1


def test_threshold_needs_positive_images():
    with pytest.raises(ValueError, match="none positive"):
        threshold_at_sensitivity([False, False], [0.1, 0.2])
    with pytest.raises(ValueError, match="Received: sensitivity=90"):
        threshold_at_sensitivity([True], [0.1], 90)


@pytest.mark.parametrize("decimals", [1, 12])
def test_weighted_areas_and_f1_agree_with_scikit_learn(decimals):
    y_true, y_prob = example(decimals=decimals)
    generator = np.random.default_rng(2)
    cluster = generator.integers(0, 150, len(y_true))
    weights = generator.integers(0, 4, size=(150, 4)).astype(float)
    scorer = WeightedMetrics(y_true, y_prob, cluster, 150, positive=0, per_class=True)
    found = scorer(weights)
    for replicate in range(4):
        value = dict(zip(scorer.names, found[:, replicate], strict=True))
        of_image = weights[cluster, replicate]
        y_pred = y_prob.argmax(axis=1)
        for k in range(4):
            truth, score = y_true == k, y_prob[:, k]
            expected = sklearn.metrics.average_precision_score(
                truth, score, sample_weight=of_image
            )
            assert value[f"average_precision/{k}"] == pytest.approx(expected)
            expected = sklearn.metrics.f1_score(
                truth, y_pred == k, sample_weight=of_image
            )
            assert value[f"f1/{k}"] == pytest.approx(expected)
            missed = (of_image * (truth & (y_pred != k))).sum()
            assert value[f"false_negatives/{k}"] == missed
            # An image drawn twice is the same as two images.
            drawn = np.repeat(np.arange(len(y_true)), of_image.astype(int))
            expected = metrics.partial_auc(truth[drawn], score[drawn])
            assert value[f"partial_auc/{k}"] == pytest.approx(expected)
        assert value["auc"] == value["auc/0"]


def test_weighted_calibration_is_that_of_the_images_drawn():
    generator = np.random.default_rng(3)
    y_prob = generator.dirichlet(np.ones(3), 4000)
    y_true = (generator.random((4000, 1)) > y_prob.cumsum(axis=1)).sum(axis=1)
    y_true = np.minimum(y_true, 2)
    scorer = WeightedMetrics(y_true, y_prob, np.arange(4000), 4000, positive=0)
    weights = generator.multinomial(4000, np.full(4000, 1 / 4000), size=3).T
    found = scorer(np.column_stack([np.ones(4000), weights]))
    for replicate in range(4):
        value = dict(zip(scorer.names, found[:, replicate], strict=True))
        drawn = np.arange(4000)
        if replicate:
            drawn = np.repeat(drawn, weights[:, replicate - 1])
        truth, prob = y_true[drawn], y_prob[drawn]
        assert value["brier_score"] == pytest.approx(brier_score(truth, prob))
        slope = calibration_slope(truth == 0, prob[:, 0])
        tolerance = 1e-9 if replicate == 0 else 0.01
        assert value["calibration_slope"] == pytest.approx(slope, abs=tolerance)
    expected = expected_calibration_error(y_true, y_prob)
    at_one = dict(zip(scorer.names, found[:, 0], strict=True))
    assert at_one["expected_calibration_error"] == pytest.approx(expected)


def test_partial_auc_of_no_least_sensitivity_is_the_auc():
    y_true, y_prob = example()
    whole = metrics.partial_auc(y_true == 0, y_prob[:, 0], least_sensitivity=0)
    assert whole == pytest.approx(metrics.auc(y_true == 0, y_prob[:, 0]))


def test_operating_points_are_reached_on_validation_and_named_in_the_table():
    y_true, y_prob = example()
    points = operating_points(y_true == 0, y_prob[:, 0])
    assert list(points) == [0.90, 0.95]
    scorer = WeightedMetrics(y_true, y_prob, np.arange(400), 400, 0, points)
    found = dict(zip(scorer.names, scorer(np.ones((400, 1)))[:, 0], strict=True))
    assert found["sensitivity_at_90"] >= 0.90
    assert found["sensitivity_at_95"] >= 0.95
    n_missed = found["false_negatives_at_90"]
    assert n_missed == ((y_true == 0) & (y_prob[:, 0] < points[0.90])).sum()
    label = metrics.metric_label("sensitivity_at_90", "MEL")
    assert label.startswith("MEL sensitivity, threshold of 90 % sensitivity on val")


def test_judging_a_csv_needs_no_tensorflow():
    code = "import sys, keras_derm.evaluation; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
