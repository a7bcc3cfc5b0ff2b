"""Calibration for many weightings of the images at once."""

import numpy as np

from keras_derm.evaluation.class_scores import calibration
from keras_derm.evaluation.class_scores.metrics import ratio
from keras_derm.evaluation.class_scores.weighted_ranking import (
    incidence,
    sums_by_cluster,
)

SMALL_STEP = 1e-6
"""Of intercept and slope, in what is no longer worth another step."""


class WeightedCalibration:
    """Brier score, calibration error and slope, as a function of weights.

    The bins of the calibration error are those of the images as they are. The slope
    is fitted anew for each weighting, from where it lies for the images as they are.

    Args:
        y_true, y_prob, cluster, n_clusters, positive: as in `WeightedMetrics`.

    Example:
        >>> scorer = WeightedCalibration(y_true, y_prob, lesion, n_lesions, positive=0)
        >>> scorer(np.ones((n_lesions, 1)))["brier_score"]
    """

    def __init__(self, y_true, y_prob, cluster, n_clusters, positive):
        self._is_positive, self._cluster = y_true == positive, cluster
        score = y_prob[:, positive]
        self._log_odds = calibration.logit(score)
        self._fit = calibration.logistic_recalibration(self._is_positive, score)
        sums = [np.ones(len(y_true)), calibration.squared_errors(y_true, y_prob)]
        self._sums = sums_by_cluster(sums, cluster, n_clusters)
        gap = y_prob.max(axis=1) - (y_prob.argmax(axis=1) == y_true)
        bins = calibration.equal_mass_bins(y_prob.max(axis=1))
        shape = bins.max(initial=0) + 1, n_clusters
        self._gaps = incidence(bins, cluster, shape, gap)

    def __call__(self, weights):
        """Compute the three figures, each of shape `(replicates,)`, by name.

        Args:
            weights: non-negative, shape `(n_clusters, replicates)`. There is no slope
                (NaN) where none is finite.
        """
        n, squared = self._sums @ weights
        gaps = np.abs(self._gaps @ weights).sum(axis=0)
        return {
            "brier_score": ratio(squared, n),
            "calibration_slope": self._slopes(weights),
            "expected_calibration_error": ratio(gaps, n),
        }

    def _slopes(self, weights):
        """Slopes of logistic regressions, all by Newton's method at once."""
        slopes = np.full(weights.shape[1], np.nan)
        if self._fit is None:
            return slopes
        weights, x = weights[self._cluster], self._log_odds[:, np.newaxis]
        fits = np.tile(self._fit[:, np.newaxis], len(slopes))
        left = np.arange(len(slopes))
        for _ in range(calibration.MOST_STEPS):
            expected = 1 / (1 + np.exp(-np.clip(fits[0] + fits[1] * x, -30, 30)))
            residual = weights * (self._is_positive[:, np.newaxis] - expected)
            spread = weights * expected * (1 - expected)
            step = _newton_step(x, residual, spread)
            largest = np.abs(step).max(axis=0)
            done = largest < SMALL_STEP
            slopes[left[done]] = fits[1, done]
            going = largest >= SMALL_STEP  # and not NaN: those have no finite fit
            if not going.any():
                break
            shortened = step[:, going] / np.maximum(1, largest[going] / 5)
            fits = fits[:, going] + shortened
            weights, left = weights[:, going], left[going]
        return slopes


def _newton_step(x, residual, spread):
    """Steps of intercept and slope, `(2, replicates)`; NaN where they do not exist."""
    gradient = residual.sum(axis=0), (residual * x).sum(axis=0)
    a, b, c = ((spread * x**power).sum(axis=0) for power in range(3))
    determinant = a * c - b**2
    # As near to singular as the fit of the images as they are may be.
    determinant[determinant <= 1e-12 * (a + c) ** 2] = np.nan
    return (
        np.stack([c * gradient[0] - b * gradient[1], a * gradient[1] - b * gradient[0]])
        / determinant
    )
