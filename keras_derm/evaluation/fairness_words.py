"""Whether any arm of a comparison is fairer than the reference, in words."""

import numpy as np
import pandas as pd

from keras_derm.evaluation.class_scores.subgroups import UNKNOWN, stratum_title
from keras_derm.evaluation.group_changes import RAW, STANDARDISED, WORST
from keras_derm.evaluation.statistics.power import POWER

ONE_SEED = (
    "One seed was trained of each arm, and no interval here holds what another would "
    "change: what is claimed of one seed may be gone with two."
)
KINDS = {RAW: "raw gap", STANDARDISED: "gap with one mix of diagnoses, sites and ages"}


def describe_fairness(found, metrics=("auc", "sensitivity", "specificity")):
    """Say whether any arm serves groups of people more fairly than the reference.

    A change is claimed where its interval leaves out zero and its p-value, after Holm
    over the arms, is at most one less the level. An arm is fairer where the group that
    is served worst gains, or where a gap comes nearer to zero; an arm that narrows a
    gap may do so by serving one group worse, so that what it does to all is told too.

    Args:
        found: `Comparison` with groups of people among its strata.
        metrics: which are told: an AUC, a sensitivity, a specificity.

    Returns:
        Lines: of the worst group by each metric, of the gaps, what the arms that are
        fairer change on the whole set, arms that harm the worst group, the gaps that
        these numbers can show, and groups too small to judge.
    """
    changes = found.changes()
    changes = changes[changes["metric"].isin(metrics)]
    small = _too_small(found)
    if not len(changes):
        return "\n".join(
            ["Fairness cannot be judged: fewer than two groups are.", *small]
        )
    changes = changes.assign(claimed=_claimed(changes, found.level))
    said, fairer = [], []
    worst = changes[changes["change"] == WORST]
    for name in metrics:
        rows = worst[worst["metric"] == name]
        better = rows[rows["claimed"] & (rows["difference"] > 0)]
        said.append(_of_worst(rows, better))
        fairer += better["arm"].tolist()
    for change, kind in KINDS.items():
        rows = changes[changes["change"] == change]
        narrower = rows[rows["claimed"] & _nearer_to_zero(rows)]
        said.append(_of_gaps(kind, rows, narrower))
        fairer += narrower["arm"].tolist()
    said += [_on_all(found, arm, metrics) for arm in dict.fromkeys(fairer)]
    harmed = worst[worst["claimed"] & (worst["difference"] < 0)]
    said += [
        f"{row['arm']} lowers the worst group's {row['label']}: {_told(row)}."
        for row in harmed.to_dict("records")
    ]
    if max(found.n_seeds.values()) == 1:
        said.append(ONE_SEED)
    return "\n".join([*said, *_power(found, metrics), *small])


def _claimed(changes, level):
    beyond = (changes["difference_low"] > 0) | (changes["difference_high"] < 0)
    return beyond & (changes["p_adjusted"] <= 1 - level)


def _nearer_to_zero(rows):
    toward = np.sign(rows["difference"]) == -np.sign(rows["reference"])
    return toward & (rows["value"].abs() < rows["reference"].abs())


def _told(row):
    group = f" ({row['group']})" if row["change"] == WORST else ""
    number = ".3f" if row["change"] == WORST else "+.3f"
    return (
        f"{row['value']:{number}}{group} against {row['reference']:{number}}, "
        f"difference {row['difference']:+.3f}{_interval(row)}"
    )


def _interval(row):
    low, high = row["difference_low"], row["difference_high"]
    if pd.isna(low):
        return f" ({row['reason']})"
    return f" ({low:+.3f} to {high:+.3f})"


def _of_worst(rows, better):
    label = rows["label"].iloc[0]
    if len(better):
        told = [f"{row['arm']}, {_told(row)}" for row in better.to_dict("records")]
        return f"The worst group's {label} is higher with {'; '.join(told)}."
    best = rows.loc[rows["difference"].idxmax()]
    return (
        f"No arm raises the worst group's {label} by more than chance would: the "
        f"largest change is that of {best['arm']}, {_told(best)}."
    )


def _of_gaps(kind, rows, narrower):
    if len(narrower):
        told = [
            f"{row['arm']} in {row['label']} of {row['group']} beside {row['beside']}, "
            f"{_told(row)}"
            for row in narrower.to_dict("records")
        ]
        return f"A {kind} is narrower with {'; '.join(told)}."
    n_read = rows["p_adjusted"].notna().sum()
    return f"No arm narrows a {kind} by more than chance would ({n_read} compared)."


def _on_all(found, arm, metrics):
    whole = found.differences[arm][0]
    told = [
        f"{name.partition('_at_')[0]} by {one['value']:+.3f} "
        f"({one['low']:+.3f} to {one['high']:+.3f})"
        for name in metrics
        if not np.isnan((one := whole[name])["low"])
    ]
    if not told:
        return f"On the whole set {arm} changes nothing that could be seen."
    return f"On the whole set {arm} changes {', '.join(told)}."


def _power(found, metrics):
    told = [
        f"{gap['smallest_gap']:.2f} in {gap['label'].partition(',')[0]} of "
        f"{gap['group']} beside {gap['beside']}"
        for gap in found.arms[found.reference].gaps
        if gap["metric"] in metrics and not np.isnan(gap["smallest_gap"])
    ]
    if not told:
        return []
    return [
        f"Gaps that these numbers show with {POWER:.0%} power, in {found.reference}: "
        f"{'; '.join(told)}."
    ]


def _too_small(found):
    told = [
        f"{stratum_title(one['stratum'])} {one['value']} ({one['mark']})"
        for one in found.arms[found.reference].strata[1:]
        if one["n"] and one["value"] != UNKNOWN and not one["judged"]
    ]
    return [f"Not judged: {'; '.join(told)}."] if told else []
