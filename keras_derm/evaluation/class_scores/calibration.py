"""Do the probabilities mean what they say? And what makes them: temperature, biases."""

import numpy as np
import pandas as pd
from scipy.optimize import minimize, minimize_scalar
from scipy.special import softmax
from scipy.stats import rankdata

SMALLEST = 1e-12
MOST_STEPS = 50


def reliability_table(y_true, y_prob, n_bins=15):
    """Confidence and accuracy in bins of equally many images, but for ties.

    Args:
        y_true: class indices, shape `(n,)`.
        y_prob: probabilities, shape `(n, classes)`.
        n_bins: number of bins; fewer where there are fewer images.

    Returns:
        DataFrame with a row for each bin: `n`, `confidence` (mean highest
        probability) and `accuracy`, in order of confidence.
    """
    y_true, y_prob = np.asarray(y_true), np.asarray(y_prob)
    if n_bins < 1 or not len(y_true):
        raise ValueError(
            "a reliability table needs images and at least one bin. Received: "
            f"{len(y_true)} images, n_bins={n_bins}"
        )
    confidence = y_prob.max(axis=1)
    correct = y_prob.argmax(axis=1) == y_true
    images = pd.DataFrame({"confidence": confidence, "accuracy": correct})
    by_bin = images.groupby(equal_mass_bins(confidence, n_bins))
    table = by_bin.mean()
    table.insert(0, "n", by_bin.size())
    return table


def equal_mass_bins(confidence, n_bins=15):
    """Number the bin of each image, bins holding equally many, least confidence first.

    Images of one confidence share a bin, or the order of the rows, which often is that
    of the classes, would say which of them are together. Ties leave some bins empty.
    """
    n = max(len(confidence), 1)
    middle = rankdata(confidence) - 0.5  # the mean over ties
    return np.floor(middle * min(n_bins, n) / n).astype(np.int64)


def expected_calibration_error(y_true, y_prob, n_bins=15):
    """Mean distance of accuracy from confidence over bins of equal mass.

    Args:
        y_true, y_prob, n_bins: as in `reliability_table`.

    Returns:
        The error in [0, 1]; 0 is perfect, but small samples never reach it.

    Reference:
        Nixon et al., Measuring Calibration in Deep Learning (2019).
    """
    table = reliability_table(y_true, y_prob, n_bins)
    gap = (table["accuracy"] - table["confidence"]).abs()
    return float((gap * table["n"]).sum() / table["n"].sum())


def brier_score(y_true, y_prob):
    """Mean squared distance of the probabilities from the truth, over all classes.

    Args:
        y_true, y_prob: as in `reliability_table`.

    Returns:
        The score in [0, 2]; 0 is best.

    Reference:
        Brier, Verification of Forecasts Expressed in Terms of Probability (1950).
    """
    return float(squared_errors(y_true, y_prob).mean())


def squared_errors(y_true, y_prob):
    """Squared distance of each image's probabilities from its truth, shape `(n,)`."""
    y_prob = np.asarray(y_prob, dtype=np.float64)
    truth = np.eye(y_prob.shape[1])[np.asarray(y_true)]
    return ((y_prob - truth) ** 2).sum(axis=1)


def log_losses(y_true, y_prob):
    """Minus the logarithm of each true class' probability, in nats, shape `(n,)`."""
    return -_log(y_prob)[np.arange(len(y_true)), y_true]


def calibration_slope(is_positive, score):
    """Slope of a logistic regression of the truth on the score's log-odds.

    Args:
        is_positive: bool array of shape `(n,)`.
        score: probability of the positive class, shape `(n,)`.

    Returns:
        1 where the probabilities are right, below 1 where they are too extreme,
        above 1 where they are too timid; NaN where one class is absent or the
        score tells the classes apart without error, when no slope is finite.

    Reference:
        Cox, Two Further Applications of a Model for Binary Regression (1958).
    """
    fit = logistic_recalibration(is_positive, score)
    return np.nan if fit is None else float(fit[1])


def logistic_recalibration(is_positive, score):
    """Intercept and slope as in `calibration_slope`; None without a finite fit."""
    x, y = logit(score), np.asarray(is_positive, dtype=np.float64)
    if not 0 < y.sum() < len(y) or np.ptp(x) < 1e-9:
        return None
    design, fit = np.stack([np.ones(len(x)), x]), np.array([0.0, 1.0])
    for _ in range(MOST_STEPS):
        expected = 1 / (1 + np.exp(-np.clip(fit @ design, -30, 30)))
        hessian = (design * (expected * (1 - expected))) @ design.T
        if np.linalg.cond(hessian) > 1e12:
            return None
        step = np.linalg.solve(hessian, design @ (y - expected))
        largest = np.abs(step).max()
        if largest < 1e-10:
            return fit
        fit = fit + step * min(1, 5 / largest)
    return None


def logit(score):
    """Log-odds of probabilities, which are kept 1e-7 away from 0 and 1."""
    score = np.clip(np.asarray(score, dtype=np.float64), 1e-7, 1 - 1e-7)
    return np.log(score) - np.log1p(-score)


def apply_temperature(y_prob, temperature):
    """Soften (above 1) or sharpen (below 1) probabilities; ranks within a row stay.

    Args:
        y_prob: probabilities, shape `(n, classes)`.
        temperature: positive number that divides the log-probabilities.

    Returns:
        Probabilities of the same shape, each row summing to 1.
    """
    if not temperature > 0:
        raise ValueError(
            f"`temperature` must be positive. Received: temperature={temperature}"
        )
    return softmax(_log(y_prob) / temperature, axis=1)


def fit_temperature(y_true, y_prob):
    """Find the temperature of least negative log-likelihood, on validation data.

    Args:
        y_true, y_prob: of validation images, as in `reliability_table`.

    Returns:
        A temperature between 0.05 and 20, for `apply_temperature`.

    Reference:
        Guo et al., On Calibration of Modern Neural Networks (2017).
    """

    def loss(log_temperature):
        scaled = apply_temperature(y_prob, np.exp(log_temperature))
        return log_losses(y_true, scaled).mean()

    bounds = (np.log(0.05), np.log(20))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def add_class_biases(y_prob, biases):
    """Make classes more or less probable, as where they are more or less frequent.

    Args:
        y_prob: probabilities, shape `(n, classes)`.
        biases: what is added to the log-probability of each class, shape `(classes,)`.

    Returns:
        Probabilities of the same shape, each row summing to 1.
    """
    return softmax(_log(y_prob) + np.asarray(biases), axis=1)


def fit_class_biases(y_true, y_prob, penalty=1.0):
    """Find the biases of the classes of least negative log-likelihood.

    Of photographs of another clinic, where diagnoses are more or less frequent, labels
    of a few dozen show it. A class that is not among them becomes less probable, as the
    others say how many of it were to be expected.

    Args:
        y_true, y_prob: of labelled images, drawn as they come, as in
            `reliability_table`.
        penalty: of the squares of the biases, which keeps few labels from deciding
            much; 1 is as if biases were drawn from a standard normal distribution.

    Returns:
        Biases for `add_class_biases`, float64, of sum 0.

    Reference:
        Alexandari, Kundaje and Shrikumar, Maximum Likelihood with Bias-Corrected
        Calibration is Hard-To-Beat at Label Shift Adaptation (ICML 2020); a
        temperature beside the biases did not help here.
    """
    logits, counts = _log(y_prob), np.bincount(y_true, minlength=np.shape(y_prob)[1])

    def loss(biases):
        scaled = softmax(logits + biases, axis=1)
        slope = scaled.sum(axis=0) - counts + penalty * biases
        value = log_losses(y_true, scaled).sum() + penalty * (biases**2).sum() / 2
        return value, slope

    return minimize(loss, np.zeros(len(counts)), jac=True).x


def _log(y_prob):
    return np.log(np.clip(np.asarray(y_prob, dtype=np.float64), SMALLEST, None))


def temperature_summary(val_true, val_prob, y_true, y_prob):
    """Fit a temperature on val and say what it does to the calibration on test.

    Returns:
        Dict of `temperature`, `expected_calibration_error` of the test images, and
        `expected_calibration_error_scaled` with the temperature.
    """
    temperature = fit_temperature(val_true, val_prob)
    scaled = apply_temperature(y_prob, temperature)
    return {
        "temperature": temperature,
        "expected_calibration_error": expected_calibration_error(y_true, y_prob),
        "expected_calibration_error_scaled": expected_calibration_error(y_true, scaled),
    }
