"""Areas under one class's ranking, for many weightings of the images at once."""

import numpy as np
from scipy.sparse import csr_array

from keras_derm.evaluation.class_scores.metrics import LEAST_SENSITIVITY, ratio


class WeightedRanking:
    """ROC and precision-recall areas of one class, as a function of weights.

    Only what happens at the scores of positive images matters. Row t of the sparse
    matrices stands for the t-th distinct score among them, lowest first.

    Args:
        is_positive: bool array of shape `(n,)`.
        score: array of shape `(n,)`, higher for positive.
        cluster, n_clusters: as in `WeightedMetrics`.

    Example:
        >>> ranking = WeightedRanking(y_true == 0, y_prob[:, 0], lesion, n_lesions)
        >>> ranking.auc(np.ones((n_lesions, 1)))
    """

    def __init__(self, is_positive, score, cluster, n_clusters):
        levels, level = np.unique(score[is_positive], return_inverse=True)
        shape = (len(levels), n_clusters)
        self._positives = incidence(level, cluster[is_positive], shape)
        negative, of_negative = score[~is_positive], cluster[~is_positive]
        first = np.searchsorted(levels, negative, side="left")
        beyond = np.searchsorted(levels, negative, side="right")
        tied = first < beyond
        self._tied = incidence(first[tied], of_negative[tied], shape)
        counted = beyond < len(levels)
        self._below = incidence(beyond[counted], of_negative[counted], shape)
        self._all_negatives = incidence(
            np.zeros(len(negative), int), of_negative, (1, n_clusters)
        )

    def auc(self, weights):
        """Area under the ROC curve, shape `(replicates,)`; weights as in `areas`."""
        return self._auc(*self._counts(weights))

    def areas(self, weights):
        """Area under the ROC curve, its part above 80 % sensitivity, and precision.

        Args:
            weights: non-negative, shape `(n_clusters, replicates)`.

        Returns:
            Dict of `auc`, `partial_auc` and `average_precision`, each of shape
            `(replicates,)`, NaN where not defined.
        """
        positives, below, tied, n_negative = counts = self._counts(weights)
        up_to = np.cumsum(positives, axis=0)
        lower = up_to - positives
        return {
            "auc": self._auc(*counts),
            "partial_auc": _partial_auc(positives, lower, below, tied, n_negative),
            "average_precision": _precision(positives, lower, below, n_negative),
        }

    def _counts(self, weights):
        """Weight of positives at, negatives below and negatives at each level."""
        return (
            self._positives @ weights,
            np.cumsum(self._below @ weights, axis=0),
            self._tied @ weights if self._tied.nnz else np.zeros((1, 1)),
            (self._all_negatives @ weights)[0],
        )

    @staticmethod
    def _auc(positives, below, tied, n_negative):
        wins = np.einsum("tr,tr->r", positives, below)
        if tied.any():
            wins = wins + np.einsum("tr,tr->r", positives, tied) / 2
        return ratio(wins, positives.sum(axis=0) * n_negative)


def _partial_auc(positives, lower, below, tied, n_negative):
    """Integrate specificity over sensitivity from 0.8 to 1: the lowest positives.

    Specificity is that below a level while its positives are taken in from the top
    of the curve downwards; where negatives tie with them, both are taken in together,
    so that on a level of which a share q is taken it is on average below + q tied / 2.
    """
    n_positive = positives.sum(axis=0)
    budget = (1 - LEAST_SENSITIVITY) * n_positive
    used = int((lower < budget).any(axis=1).sum())
    positives, lower, below = positives[:used], lower[:used], below[:used]
    tied = tied[:used] if len(tied) > 1 else tied
    taken = np.clip(budget - lower, 0, positives)
    area = np.einsum("tr,tr->r", taken, below)
    if tied.any():
        share = np.divide(taken, positives, out=np.zeros_like(taken), where=taken > 0)
        area = area + (taken * share * tied).sum(axis=0) / 2
    return ratio(area, n_positive * n_negative)


def _precision(positives, lower, below, n_negative):
    """Mean precision over the positive images, ties as scikit-learn has them."""
    n_positive = positives.sum(axis=0)
    found = n_positive - lower
    called = found + n_negative - below
    precision = np.divide(found, called, out=np.zeros_like(found), where=called > 0)
    return ratio(np.einsum("tr,tr->r", positives, precision), n_positive)


def incidence(rows, columns, shape, values=None):
    """Sparse matrix with a one (or a value) at each row and column; doubles add up."""
    values = np.ones(len(rows)) if values is None else values
    return csr_array((values, (rows, columns)), shape=shape)


def sums_by_cluster(rows, cluster, n_clusters):
    """Sparse matrix that sums each row of images, shape `(rows, n)`, by cluster."""
    index = np.repeat(np.arange(len(rows)), len(cluster))
    columns, shape = np.tile(cluster, len(rows)), (len(rows), n_clusters)
    return incidence(index, columns, shape, np.concatenate(rows))
