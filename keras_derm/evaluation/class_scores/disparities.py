"""Gaps between groups: which is served worst, and is the gap more than chance?"""

import numpy as np

from keras_derm.evaluation.class_scores import metrics
from keras_derm.evaluation.statistics import bootstrap
from keras_derm.evaluation.statistics.multiplicity import holm

NOT_GROUPS = ("undetermined", "unknown")
RANKED = ("sensitivity", "specificity", "auc", "balanced_accuracy")
ROUNDING = 1e-9


def disparities(strata, draws, by_chance, positive, level=0.95):
    """Compare the groups of each variable that can be judged.

    Strata marked "too few to judge" are neither ranked nor counted, nor are images
    of unknown group. The equal-opportunity gap is that of sensitivity; the
    equalised-odds gap is the larger of those of sensitivity and specificity. A gap
    is never negative and noise makes it larger, so that an interval cannot say
    whether there is one: the p-value does. It is that of a permutation test: the
    share of random exchanges of patients or lesions between the groups, each within
    its diagnosis, that make a gap as large. A gap that comes of other diagnoses alone
    is therefore none that counts.

    Args:
        strata: list of strata as in `Evaluation.strata`.
        draws: for each stratum a dict from metric to replicates, shape
            `(n_replicates,)`.
        by_chance: function from a variable, the values of its groups and a number of
            replicates to what `permuted_groups` returns for them.
        positive: name of the positive class.
        level: coverage of the intervals.

    Returns:
        A list of dicts, one for each variable and gap: `stratum`, `gap`, `label`,
        `value`, `low`, `high`, `p_value`, `p_adjusted` (Holm's, over the variables),
        `reason`, `worst` and `best` (groups, and their values in `worst_value` and
        `best_value`; None for equalised odds) and `left_out` (too small to judge).

    Reference:
        Hardt, Price and Srebro, Equality of Opportunity in Supervised Learning (2016).
    """
    found = []
    for variable in dict.fromkeys(stratum["stratum"] for stratum in strata[1:]):
        of_variable = [
            (stratum, draw)
            for stratum, draw in zip(strata, draws, strict=True)
            if stratum["stratum"] == variable and stratum["value"] not in NOT_GROUPS
        ]
        left_out = [one["value"] for one, _ in of_variable if not one["judged"]]
        judged = [pair for pair in of_variable if pair[0]["judged"]]
        exchanged = None
        if len(judged) > 1:
            values = [one["value"] for one, _ in judged]
            n_replicates = len(judged[0][1]["sensitivity"])
            exchanged = by_chance(variable, values, n_replicates)
        for name, parts in _gaps(strata[0]["metrics"]).items():
            gap = {"stratum": variable, "gap": name, "label": _label(name, positive)}
            gap |= _gap(judged, parts, exchanged, level)
            found.append({**gap, "left_out": left_out})
    for name in {gap["gap"] for gap in found}:
        of_name = [gap for gap in found if gap["gap"] == name]
        adjusted = holm([gap["p_value"] for gap in of_name])
        for gap, p_value in zip(of_name, adjusted, strict=True):
            gap["p_adjusted"] = float(p_value)
    return found


def permuted_groups(scorer, group, kind, n_replicates, seed):
    """Metrics of groups between which patients or lesions were exchanged at random.

    Args:
        scorer: function from weights `(n_clusters, r)` to a dict from metric to `(r,)`.
        group: number of each cluster's group, shape `(n_clusters,)`; -1 for none.
        kind: diagnosis of each cluster, same shape: only within it they exchange.
        n_replicates, seed: number and seed of the exchanges.

    Returns:
        Dict from metric to an array of shape `(groups, n_replicates)`.
    """
    generator = np.random.default_rng([seed, 2])
    members = [np.flatnonzero((group >= 0) & (kind == k)) for k in np.unique(kind)]
    found = [[] for _ in range(group.max() + 1)]
    for start in range(0, n_replicates, bootstrap.CHUNK):
        width = min(bootstrap.CHUNK, n_replicates - start)
        exchanged = np.full((len(group), width), -1)
        for rows in members:
            labels = np.tile(group[rows][:, np.newaxis], width)
            exchanged[rows] = generator.permuted(labels, axis=0)
        for number, of_group in enumerate(found):
            of_group.append(scorer((exchanged == number).astype(np.float64)))
    return {
        name: np.array([np.concatenate([one[name] for one in part]) for part in found])
        for name in found[0][0]
    }


def _gaps(known):
    """From the name of each gap to the metrics it is the largest gap of."""
    gaps = {name: (name,) for name in RANKED}
    gaps["equalised_odds"] = ("sensitivity", "specificity")
    for name in known:
        base, _, percent = name.partition("_at_")
        if percent and base == "sensitivity":
            both = (name, f"specificity_at_{percent}")
            gaps |= {one: (one,) for one in both}
            gaps[f"equalised_odds_at_{percent}"] = both
    return gaps


def _label(name, positive):
    base, _, percent = name.partition("_at_")
    if base == "equalised_odds":
        at = f", threshold of {percent} % sensitivity on validation images"
        return f"equalised-odds gap of {positive}" + (at if percent else "")
    label = f"gap in {metrics.metric_label(name, positive)}"
    return f"{label} (equal opportunity)" if base == "sensitivity" else label


def _gap(judged, parts, exchanged, level):
    nothing = dict.fromkeys(("value", "low", "high", "p_value"), np.nan)
    nothing |= dict.fromkeys(("worst", "worst_value", "best", "best_value"))
    if len(judged) < 2:
        return {**nothing, "reason": "fewer than two groups can be judged"}
    values = np.array(
        [[stratum["metrics"][part]["value"] for part in parts] for stratum, _ in judged]
    )
    if np.isnan(values).any():
        return {**nothing, "reason": "not defined in every group"}
    replicates = np.array([[draw[part] for part in parts] for _, draw in judged])
    value = _largest_gap(values)
    resampled = _largest_gap(replicates)
    low, high, reason = bootstrap.percentile_interval(resampled, level)
    low = np.minimum(low, value)  # noise widens every resampled gap
    chance = _largest_gap(np.stack([exchanged[part] for part in parts], axis=1))
    p_value = (1 + (chance >= value - ROUNDING).sum()) / (1 + len(chance))
    found = {**nothing, "value": value, "low": low, "high": high, "p_value": p_value}
    if len(parts) == 1:
        for word, index in (("worst", values.argmin()), ("best", values.argmax())):
            found[word] = judged[index][0]["value"]
            found[f"{word}_value"] = float(values[index, 0])
    return {**found, "reason": reason}


def _largest_gap(values):
    """Largest over parts of the range over groups; shape (groups, parts, ...)."""
    return (values.max(axis=0) - values.min(axis=0)).max(axis=0)
