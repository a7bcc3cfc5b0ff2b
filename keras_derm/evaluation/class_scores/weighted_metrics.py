"""All metrics for many weightings of the same predictions at once."""

import numpy as np

from keras_derm.evaluation.class_scores import metrics
from keras_derm.evaluation.class_scores.weighted_calibration import WeightedCalibration
from keras_derm.evaluation.class_scores.weighted_calls import WeightedCalls
from keras_derm.evaluation.class_scores.weighted_ranking import WeightedRanking


class WeightedMetrics(WeightedCalls):
    """Metrics of one model on one set of images, as a function of cluster weights.

    A bootstrap replicate is a weight for each cluster (patient or lesion): the
    number of times it was drawn. Confusion counts are then a sparse matrix times
    the weights, and so are the parts of each area, so that thousands of replicates
    cost little more than one.

    Args:
        y_true, y_prob, cluster, n_clusters, positive, operating_points: as in
            `WeightedCalls`.
        per_class: also give the metrics of each class, named `sensitivity/0` and
            so on.

    Example:
        >>> scorer = WeightedMetrics(y_true, y_prob, lesion, n_lesions, positive=0)
        >>> values = scorer(np.ones((n_lesions, 1)))[:, 0]
        >>> dict(zip(scorer.names, values))["balanced_accuracy"]
    """

    def __init__(
        self,
        y_true,
        y_prob,
        cluster,
        n_clusters,
        positive,
        operating_points=None,
        per_class=False,
    ):
        super().__init__(
            y_true, y_prob, cluster, n_clusters, positive, operating_points
        )
        self.per_class = per_class
        self._rankings = [
            self._ranking
            if k == positive
            else WeightedRanking(y_true == k, y_prob[:, k], cluster, n_clusters)
            for k in range(self.n_classes)
        ]
        self._calibration = WeightedCalibration(
            y_true, y_prob, cluster, n_clusters, positive
        )

    @property
    def headline(self):
        """Names of the rows that are not about single classes: these come first."""
        return list(metrics.METRICS) + [
            metrics.operating_name(name, sensitivity)
            for sensitivity in self.operating_points
            for name in metrics.OPERATING_METRICS
        ]

    @property
    def names(self):
        """Names of the rows that a call returns."""
        if not self.per_class:
            return self.headline
        return self.headline + [
            f"{name}/{k}"
            for name in metrics.PER_CLASS_METRICS
            for k in range(self.n_classes)
        ]

    def __call__(self, weights):
        """Compute every metric, `(len(names), replicates)`; NaN where not defined.

        Args:
            weights: non-negative, shape `(n_clusters, replicates)`.
        """
        confusion, at_points = self._counts(weights)
        areas = [
            ranking.areas(weights)
            if self.per_class or k == self.positive
            else {"auc": ranking.auc(weights)}
            for k, ranking in enumerate(self._rankings)
        ]
        values = _of_class(confusion, areas, self.positive)
        values |= self._at_operating_points(at_points)
        values["balanced_accuracy"] = metrics.balanced_accuracy(confusion)
        values["macro_auc"] = metrics.mean_of_defined(
            np.stack([of_class["auc"] for of_class in areas])
        )
        values["macro_f1"] = metrics.macro_f1(confusion)
        values["accuracy"] = metrics.accuracy(confusion)
        values |= self._calibration(weights)
        if self.per_class:
            for k in range(self.n_classes):
                of_class = _of_class(confusion, areas, k)
                values |= {f"{name}/{k}": value for name, value in of_class.items()}
        return np.stack([values[name] for name in self.names])


def _of_class(confusion, areas, index):
    counts = metrics.binary_counts(confusion, index)
    names = ("sensitivity", "specificity", "ppv", "npv", "f1", "false_negatives")
    return {name: getattr(metrics, name)(counts) for name in names} | areas[index]
