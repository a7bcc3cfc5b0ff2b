import numpy as np
import pytest
import sklearn.metrics
from sklearn.linear_model import LogisticRegression

from keras_derm.evaluation import (
    apply_temperature,
    brier_score,
    calibration_slope,
    expected_calibration_error,
    fit_temperature,
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
