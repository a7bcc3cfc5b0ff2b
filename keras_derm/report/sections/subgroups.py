"""Section: who gains and who loses, by tone of skin and by other strata."""

import pandas as pd

from keras_derm.evaluation import (
    HEADLINE,
    TONE,
    UNKNOWN,
)
from keras_derm.report.arm_tables import beside_each_other, interval_cell
from keras_derm.report.html import Section, Table, Text
from keras_derm.report.run_files import (
    figure_block,
    positive_words,
    read_csv,
    read_json,
    read_metrics,
    read_metrics_table,
)

COLOUR_NOTE = (
    "The colour of a photograph is measured as the ITA of the skin in it. Its bands "
    "are no groups of people: a dermatoscope lights, presses and exposes the skin, and "
    "light and dark photographs are taken of the same person. They say whether the "
    "models serve some photographs worse than others."
)


def section(run):
    """Strata, and sets of equal coverage; None before evaluate."""
    if not run.done("evaluate"):
        return None
    metrics = read_metrics(run)
    singular, reference = positive_words(metrics)[0], metrics["reference"]
    blocks = [
        figure_block(
            run,
            "forest",
            f"Difference in balanced accuracy to {reference}, per tone group.",
            "Hollow: the interval holds zero, or the difference does not survive the "
            "correction for the number of strata.",
        ),
        Text(f"On the test images: {metrics['tone_sources']}"),
        *_tones(metrics, read_metrics_table(run)),
        *_colours(metrics, read_metrics_table(run)),
        figure_block(
            run,
            "forest_others",
            f"Difference in balanced accuracy to {reference} by sex, age, site, "
            "contrast and colour of the photograph.",
            f"Strata with at least ten lesions that are {singular} and ten that are "
            "not.",
        ),
        *_selective(run, list(metrics["arms"])),
    ]
    return Section("For whom", "What holds for all need not hold for each.", blocks)


def _tones(metrics, table):
    """Tone groups that can be judged, and those that cannot with the reason."""
    rows = table[(table["stratum"] == TONE) & table["metric"].isin(HEADLINE)]
    # Where nobody's tone is known, the unknown are all test images, shown above.
    everyone = (rows["value_of_stratum"] == UNKNOWN) & (rows["n"] == table["n"].max())
    blocks = _judged(metrics, rows[~everyone], "By tone of the person's skin", "tone")
    few = rows[~rows["judged"]].drop_duplicates("value_of_stratum")
    few = few[(few["n"] > 0) | (few["value_of_stratum"] != UNKNOWN)]
    if len(few):
        names = _names(metrics, "tone")
        why = few["reason"].where(few["n"] > 0, "no images")
        frame = few[list(names)].rename(columns=names).assign(why=why)
        note = "Their figures are in metrics.csv; they prove nothing."
        frame = frame.reset_index(drop=True)
        blocks.append(Table(frame, "Tones of which nothing can be said", note))
    return blocks


def _colours(metrics, table):
    """Bands of the colour of the photograph that can be judged, and what they are."""
    of_colour = table["stratum"] == "photograph_colour"
    rows = table[of_colour & table["metric"].isin(HEADLINE)]
    title = "By colour of the photograph (ITA)"
    blocks = _judged(metrics, rows, title, "colour of the photograph")
    return [Text(COLOUR_NOTE), *blocks] if blocks else []


def _judged(metrics, rows, title, name):
    rows = rows[rows["judged"]]
    if rows.empty:
        return []
    shown = rows, metrics["reference"], _names(metrics, name)
    return [beside_each_other(title, *shown)]


def _names(metrics, name):
    """Columns that describe a stratum, and what they are called."""
    names = {"value_of_stratum": name, "n": "n"}
    return names | {"n_positive": positive_words(metrics)[1], "n_classes": "classes"}


def _selective(run, arms):
    """Prediction sets that hold the truth equally often for every colour and class."""
    path = run / "selective.csv"
    if not path.is_file():
        return []
    found = read_csv(path, "evaluate")
    kinds = {"all": "", "group": "colour: ", "class": "diagnosis: "}
    whose = found["by"].map(kinds) if "by" in found else ""  # judged by an earlier one
    columns = {"photographs": whose + found["group"], "arm": found["arm"]}
    columns["n"] = found["n"]
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
        "Sets of classes fitted on validation images for each colour of the "
        "photograph, which can be measured on a new one too, and for each diagnosis, "
        f"so that {1 - alpha:.0%} hold the truth (Mondrian conformal prediction) of "
        "photographs like these; of another clinic's nothing is promised. Where a set "
        "does not name one class alone the model abstains."
    )
    return [Table(pd.DataFrame(columns), "Prediction sets and abstention", note)]
