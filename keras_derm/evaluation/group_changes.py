"""What an arm changes for groups of people: for the worst served, and the gaps."""

from typing import NamedTuple

import numpy as np

from keras_derm.evaluation.class_scores import metrics
from keras_derm.evaluation.class_scores.disparities import NOT_GROUPS
from keras_derm.evaluation.class_scores.evaluation import interval
from keras_derm.evaluation.class_scores.group_gaps import KINDS, PARTS, gap_metrics
from keras_derm.evaluation.statistics import bootstrap
from keras_derm.evaluation.statistics.multiplicity import holm

WORST = "worst group"
RAW = f"{KINDS[0]} gap"
STANDARDISED = f"{KINDS[1]} gap"
COLUMNS = (
    "arm",
    "change",
    "stratum",
    "group",
    "beside",
    "metric",
    "label",
    "reference",
    "value",
    "difference",
    "difference_low",
    "difference_high",
    "p_value",
    "p_adjusted",
    "reason",
)
"""Keys of a change. Of `WORST`, `group` is the one that the arm serves worst; of a gap,
`reference` and `value` are figures of `group` less those of `beside`."""


class _Figure(NamedTuple):
    """A figure of groups: its value, whose it is, resamples, why no interval is."""

    value: float
    group: str
    draws: np.ndarray
    reason: str


def group_figures(found, pairs, scorers, draws):
    """Take the worst group and the gaps of each variable, with their resamples.

    The worst group is looked for in every resample anew, among the groups that can be
    judged: it need not always be the same one.

    Args:
        found: `Evaluation` of an arm.
        pairs: list of `Pair` of the design.
        scorers, draws: of the strata, then of the pairs that are judged, as
            `Design.evaluation` takes them.

    Returns:
        Dict from `(change, stratum, group, beside, metric)` to its figure; `group` and
        `beside` are empty for the worst group.
    """
    n, figures = len(found.strata), {}
    names = gap_metrics(found.operating_points)
    for variable in dict.fromkeys(one["stratum"] for one in found.strata[1:]):
        groups = [
            (one, dict(zip(scorer.names, of_group, strict=True)))
            for one, scorer, of_group in zip(found.strata, scorers, draws, strict=False)
            if one["stratum"] == variable
            and one["judged"]
            and one["value"] not in NOT_GROUPS
        ]
        if len(groups) < 2:
            continue
        for name in names:
            figures[WORST, variable, "", "", name] = _worst(groups, name)
    judged = [pair for pair in pairs if pair.judged]
    gaps = {(one["stratum"], one["group"], one["metric"]): one for one in found.gaps}
    for pair, of_pair in zip(judged, draws[n:], strict=True):
        parts = of_pair.reshape(len(KINDS), len(PARTS), len(names), -1)
        of_gap = parts[:, PARTS.index("gap")]
        for place, name in enumerate(names):
            gap = gaps[pair.stratum, pair.group["value"], name]
            key = pair.stratum, gap["group"], gap["beside"], name
            for change, kind, of_kind in zip(
                (RAW, STANDARDISED), KINDS, of_gap, strict=True
            ):
                figures[change, *key] = _Figure(
                    gap[kind], gap["group"], of_kind[place], gap[f"{kind}_reason"]
                )
    return figures


def _worst(groups, name):
    values = [one["metrics"][name]["value"] for one, _ in groups]
    worst = groups[int(np.nanargmin(values))][0]
    return _Figure(
        float(np.nanmin(values)),
        worst["value"],
        np.min([of_group[name] for _, of_group in groups], axis=0),
        "",
    )


def group_changes(figures, reference, positive, level=0.95):
    """Set what `group_figures` found of each arm beside the reference, paired.

    Args:
        figures: dict from arm to what `group_figures` returned of it.
        reference: name of the arm that the others are compared with.
        positive: name of the positive class.
        level: coverage of the intervals.

    Returns:
        A list of dicts with the keys `COLUMNS`, for each other arm, figure and metric.
        `p_adjusted` is Holm's over the arms: a reader who claims of one figure what is
        below 0.05 is wrong about any arm in one comparison of twenty.
    """
    rows = []
    for key, before in figures[reference].items():
        of_figure = [
            _row(arm, key, before, found[key], positive, level)
            for arm, found in figures.items()
            if arm != reference
        ]
        adjusted = holm([row["p_value"] for row in of_figure])
        for row, p_value in zip(of_figure, adjusted, strict=True):
            row["p_adjusted"] = float(p_value)
            rows.append({name: row[name] for name in COLUMNS})
    return rows


def _row(arm, key, before, after, positive, level):
    change, stratum, _, beside, name = key
    draws = after.draws - before.draws
    low, high, p_value = np.nan, np.nan, np.nan
    reason = before.reason or after.reason
    if not reason:
        low, high, reason = interval(name, draws, level)
    if not reason:
        p_value = bootstrap.two_sided_p_value(draws)
    return {
        "arm": arm,
        "change": change,
        "stratum": stratum,
        "group": after.group,
        "beside": beside,
        "metric": name,
        "label": metrics.metric_label(name, positive),
        "reference": before.value,
        "value": after.value,
        "difference": after.value - before.value,
        "difference_low": low,
        "difference_high": high,
        "p_value": p_value,
        "reason": reason,
    }
