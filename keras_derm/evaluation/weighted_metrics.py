"""All metrics for many weightings of the same predictions at once."""

import numpy as np
from scipy.sparse import csr_array

from keras_derm.evaluation import metrics


class WeightedMetrics:
    """Metrics of one model on one set of images, as a function of cluster weights.

    A bootstrap replicate is a weight for each cluster (patient or lesion): the
    number of times it was drawn. Confusion counts are then a sparse matrix times
    the weights, and the numerator of each AUC is a product of two such matrices, so
    that thousands of replicates cost little more than one.

    Args:
        y_true: class indices, shape `(n,)`.
        y_prob: probabilities, shape `(n, classes)`.
        cluster: cluster index of each image, shape `(n,)`, from 0.
        n_clusters: number of clusters, which may exceed those that occur here.
        positive: index of the positive class.
        threshold: positive where `y_prob[:, positive] >= threshold`; without it
            the two metrics at a threshold are left out.
        per_class: also give sensitivity, specificity, PPV, NPV and AUC of each
            class, named `sensitivity/0` and so on.
    """

    def __init__(
        self,
        y_true,
        y_prob,
        cluster,
        n_clusters,
        positive,
        threshold=None,
        per_class=False,
    ):
        self.n_classes = y_prob.shape[1]
        self.positive = positive
        self.has_threshold = threshold is not None
        self.per_class = per_class
        cells = [y_true * self.n_classes + y_prob.argmax(axis=1)]
        if self.has_threshold:
            called = y_prob[:, positive] >= threshold
            cells.append(self.n_classes**2 + 2 * (y_true == positive) + called)
        n_cells = self.n_classes**2 + 4 * self.has_threshold
        self._cells = _incidence(
            np.concatenate(cells), np.tile(cluster, len(cells)), (n_cells, n_clusters)
        )
        self._pairs = [
            _ranked_pairs(y_true == k, y_prob[:, k], cluster, n_clusters)
            for k in range(self.n_classes)
        ]

    @property
    def names(self):
        """Names of the rows that a call returns."""
        names = [
            name
            for name in metrics.METRICS
            if self.has_threshold or name not in metrics.THRESHOLD_METRICS
        ]
        if self.per_class:
            names += [
                f"{name}/{k}"
                for name in metrics.PER_CLASS_METRICS
                for k in range(self.n_classes)
            ]
        return names

    def __call__(self, weights):
        """Compute every metric.

        Args:
            weights: non-negative, shape `(n_clusters, replicates)`.

        Returns:
            float64 array of shape `(len(names), replicates)`, NaN where a metric
            is not defined.
        """
        counts = self._cells @ weights
        n_cells = self.n_classes**2
        confusion = counts[:n_cells].reshape(self.n_classes, self.n_classes, -1)
        areas = self._areas(weights, confusion)
        values = self._of_class(confusion, areas, self.positive)
        if self.has_threshold:
            at_threshold = _threshold_counts(counts[n_cells:])
            values["sensitivity_at_threshold"] = metrics.sensitivity(at_threshold)
            values["specificity_at_threshold"] = metrics.specificity(at_threshold)
        values["balanced_accuracy"] = metrics.balanced_accuracy(confusion)
        values["macro_auc"] = metrics.mean_of_defined(areas)
        values["accuracy"] = metrics.accuracy(confusion)
        if self.per_class:
            for k in range(self.n_classes):
                of_class = self._of_class(confusion, areas, k)
                values |= {f"{name}/{k}": value for name, value in of_class.items()}
        return np.stack([values[name] for name in self.names])

    def _areas(self, weights, confusion):
        areas = []
        for k, (positives, negatives) in enumerate(self._pairs):
            below = np.cumsum(negatives @ weights, axis=0)
            wins = np.einsum("tr,tr->r", positives @ weights, below)
            n_positive = confusion[k].sum(axis=0)
            n_negative = confusion.sum(axis=(0, 1)) - n_positive
            areas.append(metrics.ratio(wins, n_positive * n_negative))
        return np.stack(areas)

    def _of_class(self, confusion, areas, index):
        counts = metrics.binary_counts(confusion, index)
        return {
            "sensitivity": metrics.sensitivity(counts),
            "specificity": metrics.specificity(counts),
            "ppv": metrics.ppv(counts),
            "npv": metrics.npv(counts),
            "auc": areas[index],
        }


def _threshold_counts(counts):
    negative_below, negative_above, positive_below, positive_above = counts
    return metrics.BinaryCounts(
        true_positive=positive_above,
        false_negative=positive_below,
        false_positive=negative_above,
        true_negative=negative_below,
    )


def _incidence(rows, cluster, shape, values=None):
    values = np.ones(len(rows)) if values is None else values
    return csr_array((values, (rows, cluster)), shape=shape)


def _ranked_pairs(is_positive, score, cluster, n_clusters):
    """Sparse matrices whose products with the weights give the AUC's numerator.

    Row t stands for the t-th distinct score among the positives. The first matrix
    sums the positives at that score; the running sum of the second is the weight of
    the negatives below it, those equal to it counting one half.
    """
    levels, level = np.unique(score[is_positive], return_inverse=True)
    shape = (len(levels), n_clusters)
    positives = _incidence(level, cluster[is_positive], shape)
    negative_score = score[~is_positive]
    first = np.searchsorted(levels, negative_score, side="left")
    beyond = np.searchsorted(levels, negative_score, side="right")
    rows = np.concatenate([first, beyond])
    columns = np.tile(cluster[~is_positive], 2)
    counted = rows < len(levels)
    halves = np.full(counted.sum(), 0.5)
    return positives, _incidence(rows[counted], columns[counted], shape, halves)
