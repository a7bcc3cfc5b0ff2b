"""Section: who gains and who loses, by skin tone and by other strata."""

import pandas as pd

from keras_derm.evaluation import HEADLINE, TONE_STRATA
from keras_derm.evaluation.class_scores.subgroups import UNDETERMINED
from keras_derm.report.arm_tables import beside_each_other, interval_cell
from keras_derm.report.html import Section, Table, Text
from keras_derm.report.run_files import (
    figure_block,
    positive_words,
    read_json,
    read_metrics,
    read_metrics_table,
)


def section(run):
    """Strata, gaps between groups, sets of equal coverage; None before evaluate."""
    if not run.done("evaluate"):
        return None
    metrics = read_metrics(run)
    singular, reference = positive_words(metrics)[0], metrics["reference"]
    blocks = [
        figure_block(
            run,
            "forest",
            f"Difference in balanced accuracy to {reference}, per tone.",
            "Hollow: the interval holds zero, or the difference does not survive the "
            "correction for the number of strata.",
        ),
        *_tones(metrics, read_metrics_table(run)),
        figure_block(
            run,
            "forest_others",
            f"Difference in balanced accuracy to {reference} by sex, age, site and "
            "contrast.",
            f"Strata with at least ten lesions that are {singular} and ten that are "
            "not.",
        ),
        *_gaps(run),
        *_selective(run, list(metrics["arms"])),
    ]
    return Section("For whom", "What holds for all need not hold for each.", blocks)


def _tones(metrics, table):
    """Tones that can be judged, and those that cannot with the reason."""
    of_tones = table["stratum"].isin(TONE_STRATA) & table["metric"].isin(HEADLINE)
    # Types and pairs of types have the undetermined alike.
    pooled = table["stratum"] == TONE_STRATA[1]
    rows = table[of_tones & ~(pooled & (table["value_of_stratum"] == UNDETERMINED))]
    names = {"value_of_stratum": "tone", "n": "n"}
    names |= {"n_positive": positive_words(metrics)[1], "n_classes": "classes"}
    judged, blocks = rows[rows["judged"]], []
    if len(judged):
        shown = judged, metrics["reference"], names
        blocks.append(beside_each_other("By apparent tone", *shown))
    few = rows[~rows["judged"]].drop_duplicates("value_of_stratum")
    if len(few):
        why = few["reason"].where(few["n"] > 0, "no images")
        frame = few[list(names)].rename(columns=names).assign(why=why)
        note = "Their figures are in metrics.csv; they prove nothing."
        frame = frame.reset_index(drop=True)
        blocks.append(Table(frame, "Tones of which nothing can be said", note))
    return blocks


def _gaps(run):
    """Gaps in sensitivity and in both error rates, where two groups can be judged."""
    gaps = pd.read_csv(run / "disparities.csv")
    gaps = gaps[gaps["gap"].isin(["sensitivity", "equalised_odds"])]
    names = gaps["stratum"].str.replace("_", " ").str.replace(" x ", " and ")
    known = gaps["value"].notna()
    none = sorted(set(names[~known]))
    said = f"No gap can be given for {', '.join(none)}: fewer than two groups judged."
    blocks = [Text(said)] if none else []
    if not known.any():
        return blocks
    table = pd.DataFrame(
        {
            "between": names,
            "arm": gaps["arm"],
            "gap": gaps["label"],
            "value": [interval_cell(row) for row in gaps.to_dict("records")],
            "worst": gaps["worst"].fillna(""),
            "best": gaps["best"].fillna(""),
            "corrected p": gaps["p_adjusted"].map("{:.2g}".format),
        }
    )
    note = (
        "The greatest difference between two groups; even equal groups have one by "
        "chance, so read the p-value, corrected for the number of variables."
    )
    frame = table[known].reset_index(drop=True)
    return [Table(frame, "Gaps between groups", note), *blocks]


def _selective(run, arms):
    """Prediction sets that hold the truth equally often for every tone."""
    path = run / "selective.csv"
    if not path.is_file():
        return []
    found = pd.read_csv(path)
    columns = {"tone": found["group"], "arm": found["arm"], "n": found["n"]}
    for name, label in (
        ("coverage", "truth in the set"),
        ("decided", "one class alone"),
        ("accuracy", "right where one class alone"),
    ):
        columns[label] = [interval_cell(row, name) for row in found.to_dict("records")]
    if found["reason"].notna().any():
        columns["remark"] = found["reason"].fillna("")
    alpha = read_json(run / f"conformal/{arms[0]}.json", "evaluate")["alpha"]
    note = (
        "Sets of classes fitted on validation images for each tone so that "
        f"{1 - alpha:.0%} hold the truth (Mondrian conformal prediction). Where a set "
        "does not name one class alone the model abstains."
    )
    return [Table(pd.DataFrame(columns), "Prediction sets and abstention", note)]
