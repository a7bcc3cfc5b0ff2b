"""What groups of people are compared by, for many weightings of predictions at once."""

import numpy as np

from keras_derm.evaluation.class_scores import metrics
from keras_derm.evaluation.class_scores.weighted_ranking import (
    WeightedRanking,
    incidence,
)


class WeightedCalls:
    """Sensitivity, specificity and AUC of one model, as a function of cluster weights.

    Args:
        y_true: class indices, shape `(n,)`.
        y_prob: probabilities, shape `(n, classes)`.
        cluster: cluster index of each image, shape `(n,)`, from 0; `np.arange(n)`
            where every image has a weight of its own.
        n_clusters: number of clusters, which may exceed those that occur here.
        positive: index of the positive class.
        operating_points: dict from a sensitivity on val to its threshold, a number or
            one for each image, `(n,)`; positive where `y_prob[:, positive] >=
            threshold`. None leaves them out.

    Example:
        >>> scorer = WeightedCalls(y_true, y_prob, lesion, n_lesions, positive=0)
        >>> scorer.of_calls(np.ones((n_lesions, 1)))["sensitivity"]
    """

    def __init__(
        self, y_true, y_prob, cluster, n_clusters, positive, operating_points=None
    ):
        self.n_classes = y_prob.shape[1]
        self.positive = positive
        self.operating_points = operating_points or {}
        cells = [y_true * self.n_classes + y_prob.argmax(axis=1)]
        n_cells = self.n_classes**2
        for threshold in self.operating_points.values():
            called = y_prob[:, positive] >= threshold
            cells.append(n_cells + 2 * (y_true == positive) + called)
            n_cells += 4
        every = np.concatenate(cells), np.tile(cluster, len(cells))
        self._cells = incidence(*every, (n_cells, n_clusters))
        self._ranking = WeightedRanking(
            y_true == positive, y_prob[:, positive], cluster, n_clusters
        )

    def of_calls(self, weights):
        """Compute what groups are ranked by, at a fraction of the cost of all metrics.

        Args:
            weights: non-negative, shape `(n_clusters, replicates)`.

        Returns:
            Dict of `sensitivity`, `specificity`, `balanced_accuracy`, `auc` and the
            metrics at the operating points, each of shape `(replicates,)`, NaN where
            not defined.
        """
        confusion, at_points = self._counts(weights)
        counts = metrics.binary_counts(confusion, self.positive)
        return {
            "sensitivity": metrics.sensitivity(counts),
            "specificity": metrics.specificity(counts),
            "balanced_accuracy": metrics.balanced_accuracy(confusion),
            "auc": self._ranking.auc(weights),
            **self._at_operating_points(at_points),
        }

    def _counts(self, weights):
        """Confusion matrices, and the counts at the operating points."""
        counts = self._cells @ weights
        n_cells = self.n_classes**2
        confusion = counts[:n_cells].reshape(self.n_classes, self.n_classes, -1)
        return confusion, counts[n_cells:]

    def _at_operating_points(self, counts):
        values = {}
        for i, sensitivity in enumerate(self.operating_points):
            # Negative below and above the threshold, then positive: reversed.
            at_point = metrics.BinaryCounts(*counts[4 * i : 4 * i + 4][::-1])
            for name in metrics.OPERATING_METRICS:
                value = getattr(metrics, name)(at_point)
                values[metrics.operating_name(name, sensitivity)] = value
        return values
