"""Do the probabilities mean what they say? And temperature scaling, fitted on val."""

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

SMALLEST = 1e-12


def reliability_table(y_true, y_prob, n_bins=15):
    """Confidence and accuracy in bins of equally many images.

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
    order = np.argsort(confidence, kind="stable")
    bins = np.array_split(order, min(n_bins, len(order)))
    return pd.DataFrame(
        {
            "n": [len(rows) for rows in bins],
            "confidence": [confidence[rows].mean() for rows in bins],
            "accuracy": [correct[rows].mean() for rows in bins],
        }
    )


def expected_calibration_error(y_true, y_prob, n_bins=15):
    """Mean distance of accuracy from confidence over bins of equal mass.

    Args:
        y_true: class indices, shape `(n,)`.
        y_prob: probabilities, shape `(n, classes)`.
        n_bins: number of bins.

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
        y_true: class indices, shape `(n,)`.
        y_prob: probabilities, shape `(n, classes)`.

    Returns:
        The score in [0, 2]; 0 is best.

    Reference:
        Brier, Verification of Forecasts Expressed in Terms of Probability (1950).
    """
    y_prob = np.asarray(y_prob, dtype=np.float64)
    truth = np.eye(y_prob.shape[1])[np.asarray(y_true)]
    return float(((y_prob - truth) ** 2).sum(axis=1).mean())


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
    logits = np.log(np.clip(y_prob, SMALLEST, None)) / temperature
    scaled = np.exp(logits - logits.max(axis=1, keepdims=True))
    return scaled / scaled.sum(axis=1, keepdims=True)


def fit_temperature(y_true, y_prob):
    """Find the temperature of least negative log-likelihood, on validation data.

    Args:
        y_true: class indices of validation images, shape `(n,)`.
        y_prob: their probabilities, shape `(n, classes)`.

    Returns:
        A temperature between 0.05 and 20, for `apply_temperature`.

    Reference:
        Guo et al., On Calibration of Modern Neural Networks (2017).
    """
    rows = np.arange(len(y_true))

    def loss(log_temperature):
        scaled = apply_temperature(y_prob, np.exp(log_temperature))
        return -np.log(np.clip(scaled[rows, y_true], SMALLEST, None)).mean()

    bounds = (np.log(0.05), np.log(20))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))
