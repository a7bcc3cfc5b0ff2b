"""Variance and paired test of the AUC without resampling, by lesion or patient."""

from typing import NamedTuple

import numpy as np
from scipy.stats import norm, rankdata

from keras_derm.evaluation.statistics.bootstrap import cluster_index


class DeLongTest(NamedTuple):
    """Difference of two AUCs on the same images.

    Args:
        auc_a, auc_b: the two areas.
        difference: `auc_b - auc_a`.
        low, high: interval of the difference.
        z: difference over its standard error.
        p_value: two-sided.

    Example:
        >>> found = delong_test(is_positive, score_a, score_b, groups=lesion)
        >>> found.low, found.high
    """

    auc_a: float
    auc_b: float
    difference: float
    low: float
    high: float
    z: float
    p_value: float


def delong_covariance(is_positive, scores, groups=None):
    """AUCs of several scores on the same images, and their covariance.

    Args:
        is_positive: bool array of shape `(n,)`.
        scores: array of shape `(models, n)`, higher for positive.
        groups: patient or lesion of each image, shape `(n,)`; images of one group
            may depend on each other. None makes each image its own.

    Returns:
        `(auc, covariance)` of shapes `(models,)` and `(models, models)`; the
        covariance is NaN with fewer than two groups of positives or of negatives.

    Raises:
        ValueError: if a shape is wrong or one of the classes is absent.

    Reference:
        DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988); for groups
        Obuchowski, Nonparametric Analysis of Clustered ROC Curve Data (1997).
    """
    is_positive = np.asarray(is_positive, dtype=bool)
    scores = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    n, n_positive = len(is_positive), int(is_positive.sum())
    if scores.shape[1:] != (n,) or n_positive in (0, n):
        raise ValueError(
            "`scores` must have shape (models, n), with positive and negative images. "
            f"Received: shape {scores.shape}, {n_positive} positive of {n} images"
        )
    n_negative = n - n_positive
    cluster, n_clusters = cluster_index(groups, n)
    # Of each positive image the share of negatives below it, and the reverse.
    placement = np.empty_like(scores)
    ranks = rankdata(scores, axis=1)
    for mask, n_others in ((is_positive, n_negative), (~is_positive, n_positive)):
        placement[:, mask] = ranks[:, mask] - rankdata(scores[:, mask], axis=1)
        placement[:, mask] /= n_others
    placement[:, ~is_positive] = 1 - placement[:, ~is_positive]
    auc = placement[:, is_positive].mean(axis=1)
    above = placement - auc[:, np.newaxis]
    positive = _sum_by_cluster(above * is_positive / n_positive, cluster, n_clusters)
    negative = _sum_by_cluster(above * ~is_positive / n_negative, cluster, n_clusters)
    both = _inflation(n_clusters) * positive @ negative.T
    covariance = both + both.T
    for sums, mask in ((positive, is_positive), (negative, ~is_positive)):
        covariance += _inflation(len(np.unique(cluster[mask]))) * sums @ sums.T
    return auc, covariance


def delong_interval(is_positive, score, groups=None, level=0.95):
    """Interval of one AUC.

    Args:
        is_positive, groups: as in `delong_covariance`.
        score: array of shape `(n,)`.
        level: coverage in (0, 1).

    Returns:
        `(auc, low, high)`, the interval kept within [0, 1]; NaN for its ends where
        there is none: with fewer than two groups of either class, or a score that
        leaves no variance to be seen, as at an AUC of 1.
    """
    (auc,), covariance = delong_covariance(is_positive, score, groups)
    if not covariance[0, 0] > 0:
        return float(auc), np.nan, np.nan
    reach = norm.ppf((1 + level) / 2) * np.sqrt(covariance[0, 0])
    return float(auc), float(max(auc - reach, 0)), float(min(auc + reach, 1))


def delong_test(is_positive, score_a, score_b, groups=None, level=0.95):
    """Test whether two scores have the same AUC on the same images.

    Args:
        is_positive, groups: as in `delong_covariance`.
        score_a, score_b: arrays of shape `(n,)`.
        level: coverage of the interval, in (0, 1).

    Returns:
        A `DeLongTest`. Scores that rank alike have z 0 and p-value 1.

    Example:
        >>> delong_test(y_true == mel, y_prob_a[:, mel], y_prob_b[:, mel], lesion)
    """
    auc, covariance = delong_covariance(is_positive, [score_a, score_b], groups)
    difference = auc[1] - auc[0]
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    error = np.sqrt(max(variance, 0)) if variance == variance else np.nan
    z = 0.0 if difference == 0 else np.divide(difference, error)
    reach = norm.ppf((1 + level) / 2) * error
    return DeLongTest(
        float(auc[0]),
        float(auc[1]),
        float(difference),
        float(difference - reach),
        float(difference + reach),
        float(z),
        float(2 * norm.sf(abs(z))),
    )


def _sum_by_cluster(values, cluster, n_clusters):
    return np.stack([np.bincount(cluster, row, n_clusters) for row in values])


def _inflation(n_groups):
    return n_groups / (n_groups - 1) if n_groups > 1 else np.nan
