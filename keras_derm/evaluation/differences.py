"""Paired differences per stratum and metric, and what may be claimed from them."""

import numpy as np

from keras_derm.evaluation.class_scores import metrics
from keras_derm.evaluation.class_scores.evaluation import interval
from keras_derm.evaluation.statistics import bootstrap
from keras_derm.evaluation.statistics.multiplicity import holm

HEADLINE = ("balanced_accuracy", "macro_auc", "sensitivity", "specificity")
P_VALUES = ("p_value", "p_adjusted")


def paired_differences(before, after, draws, level=0.95):
    """Subtract metric by metric and stratum by stratum.

    `p_value` is that of the paired bootstrap. `p_adjusted` is Holm's over all strata
    of the same metric that can be judged, the whole set aside: a reader who goes
    through every stratum of a metric and claims what is below 0.05 is wrong about
    any of them in one table of twenty. For the whole set it is `p_value`. Since a
    bootstrap of n resamples gives no p-value below 2 / (n + 1), 2,000 suffice for
    fifty strata.

    Args:
        before, after: strata of two models as in `Evaluation.strata`.
        draws: for each stratum the differences (after - before) in the resamples,
            shape `(metrics or more, n_replicates)`, in the order of the metrics.
        level: coverage of the intervals.

    Returns:
        For each stratum a dict from metric to a dict of `value`, `low`, `high`,
        `p_value`, `p_adjusted` and `reason`, which says why one is missing.
    """
    differences = [
        {
            name: _difference(name, first["metrics"], second["metrics"], draw, level)
            for name, draw in zip(first["metrics"], of_stratum, strict=False)
        }
        for first, second, of_stratum in zip(before, after, draws, strict=True)
    ]
    for name in before[0]["metrics"]:
        read = [
            found[name]["p_value"] if stratum["judged"] else np.nan
            for stratum, found in zip(before[1:], differences[1:], strict=True)
        ]
        adjusted = [differences[0][name]["p_value"], *holm(read)]
        for found, p_value in zip(differences, adjusted, strict=True):
            found[name]["p_adjusted"] = float(p_value)
    return differences


def _difference(name, before, after, draw, level):
    value = after[name]["value"] - before[name]["value"]
    p_value = bootstrap.two_sided_p_value(draw)
    if np.isnan(value):
        low, high = np.nan, np.nan
        reason = before[name]["reason"] or after[name]["reason"]
    else:
        low, high, reason = interval(name, draw, level)
    if reason:
        p_value = np.nan
    found = {"value": value, "low": low, "high": high, "p_value": p_value}
    return {**found, "reason": reason}


def claim(metric, difference, level=0.95):
    """Say what a difference shows: 1 better, -1 worse, 0 that nothing may be claimed.

    Fewer false negatives and a lower Brier score are better.
    """
    # The interval decides, and where the correction raised the p-value, that too.
    if difference["p_adjusted"] > max(1 - level, difference["p_value"]):
        return 0
    direction = int(difference["low"] > 0) - int(difference["high"] < 0)
    base = metric.partition("_at_")[0]
    return -direction if base in metrics.LOWER_IS_BETTER else direction


def describe_difference(difference, level=0.95):
    """Write a difference with its interval in words."""
    return (
        f"difference {difference['value']:+.3f}, {level:.0%} interval "
        f"{difference['low']:+.3f} to {difference['high']:+.3f}"
    )
