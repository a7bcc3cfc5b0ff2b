"""Section: gaps between groups, raw and with one mix, and what would show them."""

import pandas as pd

from keras_derm.evaluation import TONE, describe_gap, gap_claim, stratum_title
from keras_derm.evaluation.class_scores.group_gaps import EACH
from keras_derm.evaluation.statistics.power import GAP, POWER
from keras_derm.report.arm_tables import interval_cell
from keras_derm.report.html import Section, Table, Text
from keras_derm.report.run_files import listed, read_csv

OF_TONES = ("auc", "sensitivity", "specificity")
TEXTS = (
    "group",
    "beside",
    "raw_reason",
    "standardised_reason",
    "mix",
    "levels",
    "left_out",
    "power_from",
    "needed_in",
)
"""Columns of gaps.csv that are words, also where all of them are empty."""

NOTE = (
    "Lesions (or patients) of the group: positive ones, for specificity the others; in "
    "brackets as how many they count once weighed. With one mix: both groups weighed "
    "to the diagnoses, sites and ages of all test images, positive ones and others "
    "each among themselves; judge by that, as raw gaps are also of who is in the "
    "groups. Seen from: the smallest gap that such numbers tell from none "
    f"{POWER:.0%} of the time. {GAP:.2f} takes: lesions needed to tell so small a gap, "
    "in the group or in each of the two, for AUC with other lesions in proportion. "
    "More in gaps.csv."
)


def section(run):
    """Sentences and tables of the gaps between groups; None before evaluate."""
    if not run.done("evaluate"):
        return None
    gaps = read_csv(run / "gaps.csv", "evaluate", dtype=dict.fromkeys(TEXTS, str))
    gaps[list(TEXTS)] = gaps[list(TEXTS)].fillna("")
    of_tone = gaps["stratum"] == TONE
    tones = gaps[of_tone & gaps["metric"].isin(OF_TONES)]
    others = gaps[~of_tone & (gaps["metric"] == "auc") & gaps["raw"].notna()]
    areas = tones[tones["metric"] == "auc"].to_dict("records")
    label = others["label"].iloc[0] if len(others) else ""
    return Section(
        "Gaps between groups",
        _lead(areas),
        [
            Text(_of_tones(areas)) if areas else None,
            _table(tones, _caption(areas), of_tones=True),
            Text(_of_others(others)),
            _table(others, f"Between other groups, {label}"),
        ],
    )


def _caption(areas):
    beside = f", each beside {areas[0]['beside']}" if areas else ""
    return f"Between tones of skin{beside}"


def _lead(areas):
    """What the gaps between tones show, in a sentence that goes by one mix."""
    judged = [gap for gap in areas if gap["standardised_reason"] == ""]
    if not judged:
        return (
            "Between tones of skin no gap can be given: too few lesions of one tone or "
            "more, or too few diagnoses that they share."
        )
    claims = {}
    for gap in judged:
        if claim := gap_claim(gap):
            word = "better" if claim > 0 else "worse"
            claims.setdefault((gap["group"], word, gap["beside"]), []).append(
                gap["arm"]
            )
    if not claims:
        return (
            f"With one mix of diagnoses, sites and ages no gap in {areas[0]['label']} "
            "between tones of skin can be told; the last columns say how large one "
            "would have to be."
        )
    served = "; ".join(
        f"{group} skin is served {word} than {beside} by {listed(arms)}"
        for (group, word, beside), arms in claims.items()
    )
    return f"With one mix of diagnoses, sites and ages: {served} ({areas[0]['label']})."


def _of_tones(areas):
    """Sentences on each tone of each arm, as a list."""
    return "\n".join(
        f"- {gap['arm']}, {gap['group']} beside {gap['beside']}: {describe_gap(gap)}"
        for gap in areas
    )


def _of_others(gaps):
    """How many gaps between other groups are more than chance, and which."""
    if gaps.empty:
        return "Between no other groups can a gap be given."
    claimed = [
        f"{gap['arm']}, {_pair(gap)} ({interval_cell(gap, 'standardised', '+', 2)})"
        for gap in gaps.to_dict("records")
        if gap_claim(gap)
    ]
    n_given = int((gaps["standardised_reason"] == "").sum())
    n_read = "1 gap" if len(gaps) == 1 else f"{len(gaps)} gaps"
    were = "was" if len(gaps) == 1 else "were"
    said = (
        f"Between other groups {n_read} in {gaps['label'].iloc[0]} {were} read, "
        f"{n_given} with one mix. After correction for their number "
    )
    if not claimed:
        return f"{said}none of these is more than chance."
    return f"{said}more than chance: {'; '.join(claimed)}."


def _table(gaps, caption, of_tones=False):
    if gaps.empty:
        return None
    rows = []
    for gap in gaps.to_dict("records"):
        if of_tones:
            metric = gap["label"].rpartition(" ")[2]
            row = {"tone": gap["group"], "arm": gap["arm"], "metric": metric}
        else:
            row = {"groups": _pair(gap), "arm": gap["arm"]}
        rows.append(row | _cells(gap))
    return Table(pd.DataFrame(rows), caption, NOTE)


def _cells(gap):
    worth = f" ({gap['n_effective']:,.0f})" if pd.notna(gap["n_effective"]) else ""
    given = gap["standardised_reason"] == ""
    # The interval that a verdict may go by is that of one mix.
    raw = f"{gap['raw']:+.2f}" if given else interval_cell(gap, "raw", "+", 2)
    one_mix = interval_cell(gap, "standardised", "+", 2) if given else "not given"
    smallest = f"{gap['smallest_gap']:.2f}" if pd.notna(gap["smallest_gap"]) else "–"
    return {
        "lesions (worth)": f"{gap['n_lesions']:,.0f}{worth}",
        "raw gap": raw,
        "with one mix": one_mix,
        "seen from": smallest,
        f"{GAP:.2f} takes": _needed(gap),
    }


def _needed(gap):
    """Lesions needed, and in which group where it is not the one of the row alone."""
    if pd.isna(gap["n_needed"]):
        return "–"
    where = {EACH: " each", gap["group"]: ""}
    return f"{gap['n_needed']:,.0f}" + where.get(
        gap["needed_in"], f" in {gap['needed_in']}"
    )


def _pair(gap):
    return f"{stratum_title(gap['stratum'])}: {gap['group']} beside {gap['beside']}"
