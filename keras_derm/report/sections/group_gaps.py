"""Section: gaps between groups, raw and with one mix, and what would show them."""

import pandas as pd

from keras_derm.evaluation import TONE, describe_gap, gap_claim, stratum_title
from keras_derm.evaluation.statistics.power import GAP, POWER
from keras_derm.report.arm_tables import interval_cell
from keras_derm.report.html import Section, Table, Text
from keras_derm.report.run_files import read_csv

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
    "Each group less the one beside it. One mix: both weighed to the diagnoses, sites "
    "and ages of all test images, positive ones and others each among themselves; "
    "judge by that. Raw gaps are also of who is in the groups. Worth: the lesions (or "
    "patients) of the group, and as how many they count once weighed. Power: the "
    f"smallest gap that such numbers show {POWER:.0%} of the time, and what a gap of "
    f"{GAP:.2f} would take; for AUC with other lesions in proportion. Counted are "
    "positive lesions, for specificity the others. All metrics are in gaps.csv."
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
            _table(tones, "Between tones of skin", with_metric=True),
            Text(_of_others(others)),
            _table(others, f"Between other groups, {label}"),
        ],
    )


def _lead(areas):
    """What the gaps between tones show, in a sentence that goes by one mix."""
    judged = [gap for gap in areas if gap["standardised_reason"] == ""]
    if not judged:
        return (
            "Between tones of skin no gap can be given: too few lesions of one tone or "
            "more, or too few diagnoses that they share."
        )
    claimed = [gap for gap in judged if gap_claim(gap)]
    if not claimed:
        return (
            f"With one mix of diagnoses, sites and ages no gap in {areas[0]['label']} "
            "between tones of skin can be told; whether there is none is another "
            "question, which the last columns answer."
        )
    return (
        "With one mix of diagnoses, sites and ages: "
        + "; ".join(
            f"{gap['arm']} serves {gap['group']} skin "
            f"{'better' if gap_claim(gap) > 0 else 'worse'} than {gap['beside']} "
            f"({gap['label']} {interval_cell(gap, 'standardised', '+', 2)}, raw "
            f"{gap['raw']:+.2f})"
            for gap in claimed
        )
        + "."
    )


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


def _table(gaps, caption, with_metric=False):
    if gaps.empty:
        return None
    rows = []
    for gap in gaps.to_dict("records"):
        row = {"group": _pair(gap), "arm": gap["arm"]}
        if with_metric:
            row["metric"] = gap["label"]
        rows.append(row | _cells(gap))
    return Table(pd.DataFrame(rows), caption, NOTE)


def _cells(gap):
    one_mix = interval_cell(gap, "standardised", "+", 2)
    weighed = f" ({gap['n_effective']:,.0f})" if pd.notna(gap["n_effective"]) else ""
    smallest = f"{gap['smallest_gap']:.2f}" if pd.notna(gap["smallest_gap"]) else "–"
    needed = "–"
    if pd.notna(gap["n_needed"]):
        needed = f"{gap['n_needed']:,.0f} in {gap['needed_in']}"
    return {
        "lesions (worth)": f"{gap['n_lesions']:,.0f}{weighed}",
        "raw gap": interval_cell(gap, "raw", "+", 2),
        "with one mix": one_mix if gap["standardised_reason"] == "" else "not given",
        "smallest shown": smallest,
        f"for {GAP:.2f}": needed,
    }


def _pair(gap):
    pair = f"{gap['group']} beside {gap['beside']}"
    return pair if gap["stratum"] == TONE else f"{stratum_title(gap['stratum'])} {pair}"
