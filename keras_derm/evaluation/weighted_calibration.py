"""Calibration for many weightings of the images at once."""

import numpy as np

from keras_derm.evaluation import calibration
from keras_derm.evaluation.metrics import ratio
from keras_derm.evaluation.weighted_ranking import incidence


class WeightedCalibration:
    """Brier score, calibration error and slope, as a function of weights.

    The bins of the calibration error are those of the images as they are. The slope
    is the one that `calibration_slope` finds for the images as they are, moved by
    one Newton step for each weighting: right to first order, at a fraction of the
    cost of as many fits.

    Args:
        y_true: class indices, shape `(n,)`.
        y_prob: probabilities, shape `(n, classes)`.
        cluster: cluster index of each image, shape `(n,)`, from 0.
        n_clusters: number of clusters.
        positive: index of the positive class.
    """

    def __init__(self, y_true, y_prob, cluster, n_clusters, positive):
        self._fit = calibration.logistic_recalibration(
            y_true == positive, y_prob[:, positive]
        )
        sums = [np.ones(len(y_true)), calibration.squared_errors(y_true, y_prob)]
        if self._fit is not None:
            sums += _newton_terms(y_true == positive, y_prob[:, positive], self._fit)
        self._sums = _sum_by_cluster(sums, cluster, n_clusters)
        gap = y_prob.max(axis=1) - (y_prob.argmax(axis=1) == y_true)
        bins = calibration.equal_mass_bins(y_prob.max(axis=1))
        self._gaps = incidence(
            bins, cluster, (bins.max(initial=0) + 1, n_clusters), gap
        )

    def __call__(self, weights):
        """Compute the three figures.

        Args:
            weights: non-negative, shape `(n_clusters, replicates)`.

        Returns:
            Dict of `brier_score`, `calibration_slope` and
            `expected_calibration_error`, each of shape `(replicates,)`.
        """
        n, squared, *newton = self._sums @ weights
        gaps = np.abs(self._gaps @ weights).sum(axis=0)
        return {
            "brier_score": ratio(squared, n),
            "calibration_slope": self._slope(newton, len(n)),
            "expected_calibration_error": ratio(gaps, n),
        }

    def _slope(self, newton, n_replicates):
        if self._fit is None:
            return np.full(n_replicates, np.nan)
        residual, residual_x, spread, spread_x, spread_xx = newton
        step = spread * residual_x - spread_x * residual
        return self._fit[1] + ratio(step, spread * spread_xx - spread_x**2)


def _newton_terms(is_positive, score, fit):
    """What each image adds to the gradient and the Hessian of the log-likelihood."""
    x = calibration.logit(score)
    expected = 1 / (1 + np.exp(-(fit[0] + fit[1] * x)))
    residual, spread = is_positive - expected, expected * (1 - expected)
    return [residual, residual * x, spread, spread * x, spread * x**2]


def _sum_by_cluster(columns, cluster, n_clusters):
    rows = np.repeat(np.arange(len(columns)), len(cluster))
    shape = (len(columns), n_clusters)
    return incidence(
        rows, np.tile(cluster, len(columns)), shape, np.concatenate(columns)
    )
