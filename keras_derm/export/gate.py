"""Whether a quantised model is good enough to be left behind."""

import math

from keras_derm.evaluation import TONE, TOO_FEW, UNKNOWN, stratum_title
from keras_derm.export.cost import GROUPS

METRIC = "macro_auc"
REFUSED = "refused"
WITHIN = "within the margin"
NOT_EXCLUDED = "a greater fall cannot be excluded"


def check_gate(scores, margin=0.005, margin_tone=None):
    """Judge what quantisation cost in macro AUC, overall and in every group.

    Groups are those of people, by the tone of their skin where it is known, and those
    of photographs, by their colour, which is always known.

    On the whole test set the estimate decides: a fall by more than the margin refuses
    the export. In a group, of which there are many, each with few images, an
    estimate falls below any small margin by chance alone; there the fall must also be
    more than chance, its paired 95 % interval lying below zero. Where it is not
    refused, the verdict says whether the interval shows that the fall is within the
    margin or leaves a greater one possible. A group in which the positive class or the
    others come from too few patients or lesions is not judged; a whole test set as
    small is judged as a group is.

    Args:
        scores: List of dicts, one for each group and metric: `metric`, `stratum`,
            `value_of_stratum`, `n`, `judged`, and of the float model `reference`, of
            the quantised one `value`, and `difference` (quantised - float), the latter
            with `_low` and `_high`; None or NaN where not defined.
        margin: Greatest fall of macro AUC allowed on the whole set.
        margin_tone: The same for every group; by default `margin`.

    Returns:
        Dict of `metric`, `margin`, `margin_tone`, `groups`, a list of dicts (`group`,
        `n`, `reference`, `value`, `difference`, `difference_low`, `difference_high`,
        `margin`, `verdict`), and `refused`, the names of the groups that refuse.

    Raises:
        ValueError: If a margin is negative, or `scores` lack the whole set.

    Example:
        >>> gate = check_gate(quantisation_scores(test, task, y_float, y_quantised))
        >>> gate["refused"]
        ['tone group dark']
    """
    margin_tone = margin if margin_tone is None else margin_tone
    for name, value in (("margin", margin), ("margin_tone", margin_tone)):
        if not value >= 0:
            raise ValueError(f"`{name}` must be 0 or more. Received: {value}")
    groups = [
        _judged(row, margin if row["stratum"] == "all" else margin_tone)
        for row in scores
        if row["metric"] == METRIC and _is_asked_of(row)
    ]
    if not any(group["group"] == "all" for group in groups):
        raise ValueError(
            f"`scores` must hold {METRIC} of the whole set. Received: "
            f"{[group['group'] for group in groups]}"
        )
    return {
        "metric": METRIC,
        "margin": margin,
        "margin_tone": margin_tone,
        "groups": groups,
        "refused": [g["group"] for g in groups if g["verdict"] == REFUSED],
    }


def refusal_message(gate, mode, members, fine_tuned):
    """Say why an export is refused and what can be done: "" where nothing refuses.

    `gate` is what `check_gate` returned, `members` are the names of the ensemble's, and
    `fine_tuned` says whether they learned once more for the quantised form.
    """
    if not gate["refused"]:
        return ""
    learning = "in int8, quantisation-aware training (--fine_tuning.method qat); "
    return (
        f"the export is refused: quantised ({mode}), the ensemble tells the classes "
        f"apart less well than allowed on real test images.\n{_refusing(gate)}\n"
        "Nothing is left in export/ but the figures, cost.json. Ways out: another "
        "--mode (selective, dynamic and float16 mostly cost less than int8), or one "
        f"for the member that loses most (--member_modes.NAME dynamic; members: "
        f"{', '.join(members)}); {'' if fine_tuned else learning}or, if this is worth "
        "the size and speed, a larger --margin (--margin_tone), or --gate none. "
        f"Received: mode={mode!r}, margin={gate['margin']:g}, "
        f"margin_tone={gate['margin_tone']:g}"
    )


def _refusing(gate):
    """The groups that refuse an export, one a line."""
    return "\n".join(
        f"  {'all test images' if group['group'] == 'all' else group['group']} "
        f"(n = {group['n']:,}): macro AUC {group['reference']:.3f} in float, "
        f"{group['value']:.3f} quantised, difference {group['difference']:+.4f}"
        + _interval(group)
        + f"; margin {group['margin']:g}"
        for group in gate["groups"]
        if group["verdict"] == REFUSED
    )


def _is_asked_of(row):
    """All images, and every group but people of whom nothing is known."""
    stratum, value = row["stratum"], row["value_of_stratum"]
    return stratum == "all" or stratum in GROUPS and (stratum, value) != (TONE, UNKNOWN)


def _judged(row, margin):
    overall = row["stratum"] == "all"
    name = f"{stratum_title(row['stratum'])} {row['value_of_stratum']}"
    name = "all" if overall else name
    kept = ("n", "reference", "value", "difference", "difference_low")
    found = {key: row[key] for key in (*kept, "difference_high")}
    return {"group": name, **found, "margin": margin, "verdict": _verdict(row, margin)}


def _verdict(row, margin):
    difference, low = row["difference"], row["difference_low"]
    overall, judged = row["stratum"] == "all", row["judged"]
    if _missing(difference) or not (judged or overall):
        return TOO_FEW
    if _missing(low):  # a difference that is the same in every resample, such as none
        if judged and difference >= -margin:
            return NOT_EXCLUDED
        return REFUSED if judged and overall else TOO_FEW
    by_chance = row["difference_high"] >= 0 and not (judged and overall)
    if difference < -margin and not by_chance:
        return REFUSED
    if not judged:
        return TOO_FEW
    return WITHIN if low >= -margin else NOT_EXCLUDED


def _interval(group):
    low, high = group["difference_low"], group["difference_high"]
    if _missing(low):
        return ""
    return f" (95 % interval {low:+.4f} to {high:+.4f})"


def _missing(value):
    return value is None or math.isnan(value)
