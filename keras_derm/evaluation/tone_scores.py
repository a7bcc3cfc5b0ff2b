"""How good estimates of skin tone are, held against people's labels.

All figures come with a 95 % interval by lesion or patient. Estimates on another scale
than the labels are judged by order (rank correlation, AUC) and by tone group alone:
scales are not pooled.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata, spearmanr

from keras_derm.catalog import SKIN_TONE_SCALES, TONE_GROUPS, darkness
from keras_derm.evaluation.statistics.bootstrap import (
    cluster_index,
    cluster_weights,
    percentile_interval,
)

FEW = 5
"""Photographs of either side below which an AUC is not given."""

CONTRASTS = {
    "milk10k": {
        "AUC 0-1 against the rest": (("0", "1"), ("2", "3", "4", "5")),
        "AUC 0-2 against 4-5": (("0", "1", "2"), ("4", "5")),
    },
}
"""For each scale names of AUCs, and the darker and the lighter labels of each."""


@dataclass(frozen=True)
class ToneTruth:
    """People's labels of photographs.

    Args:
        labels: (n,), labels of one scale.
        scale: Its name.
        groups: (n,), lesion or patient of each photograph.

    Example:
        >>> tone_scores(ToneTruth.of(catalog.table, "milk10k"), estimates)
    """

    labels: np.ndarray
    scale: str
    groups: np.ndarray

    @classmethod
    def of(cls, table, scale):
        """The labels of the rows of a catalog's table, which are all of one scale."""
        labels = table["skin_tone_label"].to_numpy(object)
        return cls(labels, scale, skin_groups(table).to_numpy(object))

    @property
    def ranks(self):
        """Number of labels between each and the lightest of the scale, (n,)."""
        return np.array(darkness(self.labels, self.scale))

    @property
    def tone_groups(self):
        """Index into `TONE_GROUPS` of each label, (n,)."""
        words = SKIN_TONE_SCALES[self.scale]
        return np.array([TONE_GROUPS.index(words[label]) for label in self.labels])

    def contrasts(self):
        """Dict from the name of an AUC to two bool arrays: the darker, the lighter."""
        labels = np.asarray(self.labels, object)
        dark, light = TONE_GROUPS.index("dark"), TONE_GROUPS.index("light")
        named = {
            "AUC dark against the rest": (
                self.tone_groups == dark,
                self.tone_groups != dark,
            ),
            "AUC dark against light": (
                self.tone_groups == dark,
                self.tone_groups == light,
            ),
        }
        for name, sides in CONTRASTS.get(self.scale, {}).items():
            named[name] = tuple(np.isin(labels, side) for side in sides)
        return named


def skin_groups(table):
    """Lesion of each row of a catalog's table, else its patient, else itself."""
    return table["lesion_id"].fillna(table["patient_id"]).fillna(table["isic_id"])


def tone_scores(truth, estimates, n_replicates=1000, seed=0, metrics=None):
    """Judge the estimates of one estimator.

    Args:
        truth: `ToneTruth`.
        estimates: Frame of `keras_derm.skin_tone.estimate`, one row a photograph:
            `value`, `label`, `group`, `scale`. Photographs without an estimate are
            counted and left out of the other figures.
        n_replicates, seed: Of the bootstrap over lesions or patients.
        metrics: Names of the figures that are wanted; all by default.

    Returns:
        `pandas.DataFrame`, one row a figure: `metric`, `value`, `low`, `high`, `n` and
        `reason`, why there is no value or interval. Metrics: `measured` (share with an
        estimate), `Spearman` (positive where darker people are estimated darker), the
        AUCs of the darker against the lighter, `group known` (share of the measured
        that are given a group), `group right` (of these); and on the scale of the
        labels `kappa` (quadratic weights), `exact`, `within one`, `mean absolute error`
        in labels.
    """
    scale, values = estimates["scale"].iloc[0], estimates["value"].to_numpy("float64")
    darker = -values if scale == "ita" else values
    measured = np.isfinite(values) & estimates["label"].notna().to_numpy()
    statistics = {"measured": lambda rows: measured[rows].mean()}
    ranks = truth.ranks
    statistics["Spearman"] = _on(measured, lambda r: _spearman(ranks[r], darker[r]))
    for name, (dark, light) in truth.contrasts().items():
        statistics[name] = _auc_of(darker, dark & measured, light & measured)
    words = list(TONE_GROUPS)
    groups = np.array(
        [words.index(g) if g in words else -1 for g in estimates["group"]]
    )
    named = measured & (groups >= 0)
    right = groups == truth.tone_groups
    statistics["group known"] = _on(measured, lambda r: named[r].mean())
    statistics["group right"] = _on(named, lambda r: right[r].mean())
    if scale == truth.scale:
        labels = list(SKIN_TONE_SCALES[scale])
        told = np.array(
            [labels.index(x) if x in labels else 0 for x in estimates["label"]]
        )
        off = np.abs(told - ranks)
        n = len(labels)
        statistics |= {
            "kappa": _on(measured, lambda r: weighted_kappa(ranks[r], told[r], n)),
            "exact": _on(measured, lambda r: (off[r] == 0).mean()),
            "within one": _on(measured, lambda r: (off[r] <= 1).mean()),
            "mean absolute error": _on(
                measured, lambda r: np.abs(values - ranks)[r].mean()
            ),
        }
    if metrics is not None:
        statistics = {name: s for name, s in statistics.items() if name in metrics}
    return _with_intervals(statistics, truth.groups, n_replicates, seed)


def _on(mask, statistic):
    """The statistic of those rows that are in a mask, NaN where none is."""

    def of(rows):
        rows = rows[mask[rows]]
        return statistic(rows) if len(rows) else np.nan

    return of


def _spearman(first, second):
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return np.nan
    return spearmanr(first, second).statistic


def _auc_of(values, positive, negative):
    def of(rows):
        high, low = values[rows[positive[rows]]], values[rows[negative[rows]]]
        if min(len(high), len(low)) < FEW:
            return np.nan
        ranks = rankdata(np.concatenate([high, low]))[: len(high)]
        return (ranks.sum() - len(high) * (len(high) + 1) / 2) / (len(high) * len(low))

    return of


def weighted_kappa(first, second, n_labels):
    """Cohen's kappa with quadratic weights.

    Args:
        first, second: Indices of labels, in [0, n_labels), shape (n,).
        n_labels: Number of labels.

    Returns:
        float in [-1, 1]; NaN where both give one label alone.

    Reference:
        Cohen (1968), Weighted kappa, Psychological Bulletin 70.
    """
    table = np.zeros((n_labels, n_labels))
    np.add.at(table, (first, second), 1)
    weights = np.subtract.outer(np.arange(n_labels), np.arange(n_labels)) ** 2
    by_chance = np.outer(table.sum(axis=1), table.sum(axis=0)) / max(table.sum(), 1)
    expected = (weights * by_chance).sum()
    return 1 - (weights * table).sum() / expected if expected else np.nan


def intraclass_correlation(values, groups):
    """ICC(1,1) of photographs of one lesion or patient, one-way random effects.

    Args:
        values: (n,), NaN where there is none.
        groups: (n,), lesion or patient; those with one value alone are left out.

    Returns:
        float at most 1; NaN where no group has two values.

    Reference:
        Shrout and Fleiss (1979), Intraclass correlations, Psychological Bulletin 86.
    """
    table = pd.DataFrame({"value": np.asarray(values, float), "group": groups}).dropna()
    table = table[table.groupby("group")["value"].transform("size") > 1]
    if table["group"].nunique() < 2:
        return np.nan
    by_group = table.groupby("group")["value"]
    sizes, means = by_group.size().to_numpy(), by_group.mean().to_numpy()
    n, k = len(table), len(sizes)
    between = (sizes * (means - table["value"].mean()) ** 2).sum() / (k - 1)
    within = ((table["value"] - by_group.transform("mean")) ** 2).sum() / (n - k)
    size = (n - (sizes**2).sum() / n) / (k - 1)
    total = between + (size - 1) * within
    return float((between - within) / total) if total else np.nan


def repeatability(values, groups, n_replicates=1000, seed=0):
    """`intraclass_correlation` with its interval, as one row of `tone_scores`."""
    values = np.asarray(values, float)
    index, n_groups = cluster_index(groups, len(values))
    members = _members(index, n_groups)

    def of(drawn):
        # A group that is drawn twice counts as two.
        rows = [members[group] for group in drawn]
        names = np.repeat(np.arange(len(rows)), [len(one) for one in rows])
        return intraclass_correlation(values[np.concatenate(rows)], names)

    draws = [
        of(np.repeat(np.arange(n_groups), column.astype(int)))
        for weights in cluster_weights(n_groups, n_replicates, seed)
        for column in weights.T
    ]
    counted = pd.Series(index[np.isfinite(values)]).value_counts()
    return _row(
        "ICC", of(np.arange(n_groups)), np.array(draws), int(counted[counted > 1].sum())
    )


def _with_intervals(statistics, groups, n_replicates, seed):
    index, n_groups = cluster_index(np.asarray(groups, object), len(groups))
    members = _members(index, n_groups)
    everything = np.arange(len(index))
    draws = {name: [] for name in statistics}
    for weights in cluster_weights(n_groups, n_replicates, seed):
        for column in weights.T.astype(int):
            drawn = np.repeat(np.arange(n_groups), column)
            rows = np.concatenate([members[group] for group in drawn])
            for name, statistic in statistics.items():
                draws[name].append(statistic(rows))
    return pd.DataFrame(
        [
            _row(name, statistic(everything), np.array(draws[name]), len(index))
            for name, statistic in statistics.items()
        ]
    )


def _members(index, n_groups):
    order = np.argsort(index, kind="stable")
    return np.split(order, np.cumsum(np.bincount(index, minlength=n_groups))[:-1])


def _row(metric, value, draws, n):
    low, high, reason = percentile_interval(draws)
    if np.isnan(value):
        reason = "too few to judge"
    return {
        "metric": metric,
        "value": float(value),
        "low": low,
        "high": high,
        "n": n,
        "reason": reason,
    }
