import numpy as np
import pytest
import sklearn.metrics
from sklearn.linear_model import LogisticRegression

from keras_derm.evaluation import (
    add_class_biases,
    apply_temperature,
    brier_score,
    calibration_slope,
    expected_calibration_error,
    fit_class_biases,
    fit_temperature,
    log_losses,
    reliability_table,
)


def calibrated(n=20_000, seed=0):
    generator = np.random.default_rng(seed)
    y_prob = generator.dirichlet(np.ones(3), n)
    y_true = (generator.random((n, 1)) > y_prob.cumsum(axis=1)).sum(axis=1)
    return np.minimum(y_true, 2), y_prob


def test_calibrated_probabilities_have_little_error_and_sharpened_ones_much():
    y_true, y_prob = calibrated()
    assert expected_calibration_error(y_true, y_prob) < 0.015
    sharpened = apply_temperature(y_prob, 0.3)
    assert expected_calibration_error(y_true, sharpened) > 0.1


def test_error_is_the_gap_of_confidence_and_accuracy():
    y_prob = np.tile([0.8, 0.2], (10, 1))
    y_true = np.array([0] * 5 + [1] * 5)
    assert expected_calibration_error(y_true, y_prob, n_bins=1) == pytest.approx(0.3)


def test_bins_hold_equally_many_images():
    y_true, y_prob = calibrated(n=150)
    assert reliability_table(y_true, y_prob, n_bins=15)["n"].tolist() == [10] * 15


def test_order_of_rows_of_one_confidence_changes_nothing():
    """A folder reader gives the rows class by class."""
    y_prob = np.tile([0.8, 0.2], (100, 1))
    y_true = np.repeat([0, 1], [79, 21])
    assert expected_calibration_error(y_true, y_prob) == pytest.approx(0.01)
    rounded, order = calibrated(n=300)[1].round(1), np.random.default_rng(1)
    rounded /= rounded.sum(axis=1, keepdims=True)
    y_true = rounded.argmax(axis=1)
    rows = order.permutation(300)
    assert expected_calibration_error(y_true[rows], rounded[rows]) == pytest.approx(
        expected_calibration_error(y_true, rounded)
    )


def test_brier_score_is_twice_scikit_learns_for_two_classes():
    generator = np.random.default_rng(0)
    score = generator.random(200)
    y_true = (generator.random(200) < score).astype(int)
    expected = 2 * sklearn.metrics.brier_score_loss(y_true, score)
    found = brier_score(y_true, np.stack([1 - score, score], axis=1))
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_temperature_that_was_applied_is_found_and_undone(temperature):
    y_true, y_prob = calibrated()
    distorted = apply_temperature(y_prob, 1 / temperature)
    found = fit_temperature(y_true, distorted)
    assert found == pytest.approx(temperature, rel=0.05)
    undone = apply_temperature(distorted, temperature)
    assert np.allclose(undone, y_prob, atol=1e-3)


def test_temperature_keeps_the_predicted_class():
    _, y_prob = calibrated(n=500)
    scaled = apply_temperature(y_prob, 3.0)
    assert (scaled.argmax(axis=1) == y_prob.argmax(axis=1)).all()
    with pytest.raises(ValueError, match="Received: temperature=0"):
        apply_temperature(y_prob, 0)


def drawn_anew(y_true, frequencies, seed=1):
    """Rows of images of which the classes have other frequencies."""
    generator = np.random.default_rng(seed)
    weights = (np.array(frequencies) / np.bincount(y_true))[y_true]
    return generator.choice(len(y_true), len(y_true), p=weights / weights.sum())


def test_class_biases_are_the_logarithms_by_which_frequencies_changed():
    y_true, y_prob = calibrated()
    frequencies = np.array([0.7, 0.25, 0.05])
    rows = drawn_anew(y_true, frequencies)
    found = fit_class_biases(y_true[rows], y_prob[rows])
    expected = np.log(frequencies * len(y_true) / np.bincount(y_true))
    assert found == pytest.approx(expected - expected.mean(), abs=0.1)
    assert found.sum() == pytest.approx(0, abs=1e-3)
    biased = add_class_biases(y_prob[rows], found)
    assert biased.mean(axis=0) == pytest.approx(frequencies, abs=0.01)
    expected = y_prob[rows] * np.exp(found)
    assert biased == pytest.approx(expected / expected.sum(axis=1, keepdims=True))


def test_class_biases_are_those_of_a_penalised_logistic_regression():
    """Of two classes: their difference is the intercept where the slope is 1."""
    y_true, y_prob = calibrated(n=40)
    y_true, y_prob = np.minimum(y_true, 1), np.c_[y_prob[:, 0], 1 - y_prob[:, 0]]
    found = fit_class_biases(y_true, y_prob, penalty=3.0)
    logit, intercept = np.log(y_prob[:, 1] / y_prob[:, 0]), found[1] - found[0]
    expected = 1 / (1 + np.exp(-logit - intercept))
    # Twice the penalty of a half of the intercept, whose square is a fourth.
    assert (expected - y_true).sum() + 3.0 * intercept / 2 == pytest.approx(0, abs=1e-3)


def test_few_labels_change_little_and_a_class_without_any_becomes_rarer():
    _, y_prob = calibrated(n=10)
    y_true = np.array([0] * 6 + [1] * 4)
    found = fit_class_biases(y_true, y_prob)
    assert np.abs(found).max() < 1.5 and found[2] == found.min() < -0.3
    nothing = fit_class_biases(y_true[:0], y_prob[:0])
    assert nothing.tolist() == [0, 0, 0]


def test_log_losses_are_scikit_learns():
    y_true, y_prob = calibrated(n=100)
    expected = sklearn.metrics.log_loss(y_true, y_prob, labels=[0, 1, 2])
    assert log_losses(y_true, y_prob).mean() == pytest.approx(expected)
    assert log_losses([0], [[0.0, 1.0, 0.0]]) == pytest.approx(np.log(1e12))


def test_slope_is_that_of_an_unpenalised_logistic_regression():
    y_true, y_prob = calibrated(n=3000)
    truth, score = y_true == 0, apply_temperature(y_prob, 0.5)[:, 0]
    logit = np.log(score / (1 - score))
    model = LogisticRegression(C=np.inf, tol=1e-10).fit(logit[:, None], truth)
    found = calibration_slope(truth, score)
    assert found == pytest.approx(model.coef_[0, 0], abs=1e-4)
    assert found < 0.7


def test_slope_is_one_where_probabilities_are_right():
    generator = np.random.default_rng(0)
    score = generator.random(50_000)
    truth = generator.random(50_000) < score
    assert calibration_slope(truth, score) == pytest.approx(1, abs=0.02)


def test_no_slope_where_none_is_finite():
    assert np.isnan(calibration_slope([False, False], [0.1, 0.2]))
    assert np.isnan(calibration_slope([False, True], [0.5, 0.5]))
    separated = np.linspace(0.1, 0.9, 50)
    assert np.isnan(calibration_slope(separated > 0.5, separated))
