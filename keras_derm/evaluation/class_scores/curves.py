"""Curves of one model with intervals: ROC and net benefit."""

import numpy as np
import pandas as pd

from keras_derm.evaluation.class_scores.metrics import ratio
from keras_derm.evaluation.class_scores.weighted_ranking import incidence
from keras_derm.evaluation.statistics import bootstrap


def roc_band(
    is_positive, score, groups=None, seed=0, n_replicates=2000, level=0.95, n_points=101
):
    """ROC curve with an interval of sensitivity at each specificity.

    Args:
        is_positive: bool array of shape `(n,)`.
        score: array of shape `(n,)`, higher for positive.
        groups, seed, n_replicates, level: as in `evaluate`.
        n_points: number of specificities, evenly from 1 to 0.

    Returns:
        DataFrame of `specificity`, `sensitivity`, `low` and `high`; each interval
        holds for its own specificity, not for the whole curve at once.

    Raises:
        ValueError: if one of the classes is absent.
    """
    is_positive = _both_classes(is_positive)
    cluster, n_clusters = bootstrap.cluster_index(groups, len(is_positive))
    _, level_of = np.unique(-np.asarray(score), return_inverse=True)
    rows = 2 * level_of + is_positive
    n_levels = level_of.max() + 1
    counts = incidence(rows, cluster, (2 * n_levels, n_clusters))
    specificity = np.linspace(1, 0, n_points)

    def sensitivities(weights):
        called = np.cumsum((counts @ weights).reshape(n_levels, 2, -1), axis=0)
        called = np.concatenate([np.zeros_like(called[:1]), called])
        shares = ratio(called, called[-1:])
        found = [_sensitivity(*share, 1 - specificity) for share in shares.T]
        return np.stack(found, axis=1)

    found = bootstrap.values_with_intervals(
        sensitivities, n_clusters, n_replicates, seed, level
    )
    columns = ["specificity", "sensitivity", "low", "high"]
    return pd.DataFrame(np.column_stack([specificity, found]), columns=columns)


def _sensitivity(false_alarms, found, at):
    """Highest sensitivity at each share of false alarms, straight lines between."""
    if np.isnan(false_alarms[-1]) or np.isnan(found[-1]):
        return np.full(len(at), np.nan)
    last = np.flatnonzero(np.append(np.diff(false_alarms) > 0, True))
    return np.interp(at, false_alarms[last], found[last])


def decision_curve(
    is_positive,
    score,
    groups=None,
    thresholds=None,
    seed=0,
    n_replicates=2000,
    level=0.95,
):
    """Net benefit of acting on the model, against acting on all and on nobody.

    At a threshold t a reader accepts (1 - t) / t needless excisions for one found
    melanoma. Net benefit is TP/n - FP/n * t / (1 - t); nobody treated has 0. It is
    only meant for probabilities that are calibrated, in a population with the
    prevalence of these images.

    Args:
        is_positive: bool array of shape `(n,)`.
        score: probability of the positive class, shape `(n,)`.
        groups, seed, n_replicates, level: as in `evaluate`.
        thresholds: probabilities in (0, 1), by default 0.01 to 0.50.

    Returns:
        DataFrame of `threshold`, `net_benefit`, `low`, `high`, `treat_all` and
        `treat_none`, in true positives per image.

    Raises:
        ValueError: if a threshold is outside (0, 1) or one of the classes is absent.

    Reference:
        Vickers and Elkin, Decision Curve Analysis (2006).
    """
    is_positive = _both_classes(is_positive)
    thresholds = np.arange(1, 51) / 100 if thresholds is None else np.array(thresholds)
    if not ((thresholds > 0) & (thresholds < 1)).all():
        raise ValueError(
            f"`thresholds` must be in (0, 1). Received: {thresholds.tolist()}"
        )
    cluster, n_clusters = bootstrap.cluster_index(groups, len(is_positive))
    odds = thresholds / (1 - thresholds)
    # What each image adds at each threshold: 1, or the cost of a false alarm, or 0.
    called = np.asarray(score) >= thresholds[:, np.newaxis]
    gain = called * np.where(is_positive, 1.0, -odds[:, np.newaxis])
    row, image = np.nonzero(gain)
    shape = (len(thresholds), n_clusters)
    gains = incidence(row, cluster[image], shape, gain[row, image])
    sizes = np.bincount(cluster, minlength=n_clusters)

    def net_benefit(weights):
        return (gains @ weights) / (sizes @ weights)

    found = bootstrap.values_with_intervals(
        net_benefit, n_clusters, n_replicates, seed, level
    )
    columns = ["threshold", "net_benefit", "low", "high"]
    table = pd.DataFrame(np.column_stack([thresholds, found]), columns=columns)
    prevalence = is_positive.mean()
    treat_all = prevalence - (1 - prevalence) * odds
    return table.assign(treat_all=treat_all, treat_none=0.0)


def _both_classes(is_positive):
    is_positive = np.asarray(is_positive, dtype=bool)
    if is_positive.all() or not is_positive.any():
        raise ValueError(
            "a curve needs positive and negative images. Received: "
            f"{is_positive.sum()} positive of {len(is_positive)}"
        )
    return is_positive
