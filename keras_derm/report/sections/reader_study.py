"""Section: what readers made of the images, blinded."""

import pandas as pd

from keras_derm.report.arm_tables import interval_cell
from keras_derm.report.html import Callout, Section, Table, Text
from keras_derm.report.run_files import figure_block

INTERVALS = (
    "Mean over readers; 95 % intervals are of other readers and other images "
    "(Obuchowski and Rockette, degrees of freedom of Hillis)."
)
ACCURACY, AUC = "origin: accuracy", "origin: AUC"
AXES = {"generator": "generator", "diagnosis": "diagnosis", "tone_group": "tone group"}


def section(run):
    """What readers said of the images; None before score_reader_study."""
    if not run.done("score_reader_study"):
        return None
    folder = run.reader_study
    scores = pd.read_csv(folder / "scores.csv", keep_default_na=True)
    readers = pd.read_csv(folder / "readers.csv")
    return Section(
        "What readers say of the images",
        _lead(scores, len(readers)),
        [
            _few_readers(len(readers)),
            _overall(scores),
            *_by_group(scores),
            figure_block(
                run,
                "reader_study",
                "AUC of photographs against synthetic images by group, with intervals.",
                "How far readers tell photographs from synthetic ones. 0 is guessing.",
            ),
            figure_block(
                run,
                "reader_study_pictures",
                "Synthetic images that were taken for photographs, and photographs "
                "that were taken for synthetic images.",
                "What misled most: synthetic images, then photographs, with the mean "
                "certainty of the readers (1: surely a photograph, 6: surely "
                "synthetic).",
            ),
            _screening(folder),
            _agreement(folder),
            _readers(readers),
        ],
    )


def forest_rows(scores):
    """AUC beyond guessing by group, as `figures.forest_plot` takes it."""
    rows = scores[scores["quantity"] == AUC]
    low, high = rows["low"] - 0.5, rows["high"] - 0.5
    return pd.DataFrame(
        {
            "stratum": rows["axis"],
            "value_of_stratum": rows["level"],
            "difference": rows["value"] - 0.5,
            "difference_low": low,
            "difference_high": high,
            "n": rows["n_images"],
            "judged": low.notna(),
        }
    )


def _lead(scores, n_readers):
    overall = scores[scores["axis"] == "all"].set_index("quantity")
    said = f"{n_readers} reader{'s' * (n_readers != 1)}, blinded"
    if ACCURACY not in overall.index:
        return f"{said}, answered the questions below."
    accuracy, area = overall.loc[ACCURACY].to_dict(), overall.loc[AUC].to_dict()
    lead = (
        f"{said}, told photographs from synthetic images in "
        f"{interval_cell(accuracy, decimals=2)} of the pictures (half is guessing), "
        f"AUC {interval_cell(area, decimals=2)}."
    )
    if pd.isna(area["low"]):
        return f"{lead} There is no interval: {area['reason']}."
    if area["low"] > 0.5:
        return f"{lead} They can tell them apart."
    return (
        f"{lead} It is not shown that they can tell them apart. That they cannot is "
        "not shown either: the interval says how well they may."
    )


def _few_readers(n_readers):
    if n_readers > 1:
        return None
    return Callout(
        "caution",
        "One reader alone: the intervals are of this reader, and say nothing of "
        "others.",
    )


def _overall(scores):
    rows = scores[scores["axis"] == "all"]
    frame = pd.DataFrame(
        {
            "figure": rows["quantity"],
            "value": [_cell(row) for row in rows.to_dict("records")],
            "pictures": rows["n_images"],
            "readers": rows["n_readers"],
        }
    ).reset_index(drop=True)
    note = (
        f"{INTERVALS} Plausibility is 1 to 5; rejected is 1 or 2. Images that the "
        "screening rejected are in no figure but their own."
    )
    return Table(frame, "What readers said of all pictures", note)


def _by_group(scores):
    for axis, title in AXES.items():
        rows = scores[scores["axis"] == axis]
        if rows["level"].nunique() < 2 and axis != "generator":
            continue
        if rows.empty:
            continue
        cells = rows.assign(cell=[_cell(row) for row in rows.to_dict("records")])
        frame = cells.pivot_table(
            index="quantity",
            columns="level",
            values="cell",
            aggfunc="first",
            sort=False,
        )
        frame = frame.fillna("–").rename_axis(index="figure", columns=None)
        note = INTERVALS
        if axis == "tone_group":
            note += " Of synthetic images the tone is the one asked of the generator."
        yield Table(frame.reset_index(), f"By {title}", note)


def _screening(folder):
    if not (folder / "beside_screening.csv").is_file():
        return None
    rows = pd.read_csv(folder / "beside_screening.csv")
    frame = pd.DataFrame(
        {
            "screening": rows["screening"],
            "images": rows["images"],
            "rejected by readers": [
                _cell({**row, "value": row["rejected"]})
                for row in rows.to_dict("records")
            ],
        }
    )
    return Table(
        frame,
        "What readers reject against what screening rejects",
        f"{INTERVALS} An image that was rejected for several reasons stands in each.",
    )


def _agreement(folder):
    if not (folder / "agreement.csv").is_file():
        return Text("Agreement cannot be told of one reader without repeats.")
    rows = pd.read_csv(folder / "agreement.csv")
    frame = rows[["question", "between", "measure", "n"]].assign(
        value=[_cell(row) for row in rows.to_dict("records")]
    )
    frame = frame.rename(columns={"between": "agreement between", "n": "pictures"})
    return Table(
        frame,
        "Agreement",
        "1 is full agreement, 0 that of chance. Percentile intervals from the "
        "bootstrap of images: they are of these readers. Certainty and other ordered "
        "answers with squared weights.",
    )


def _readers(readers):
    frame = readers.rename(
        columns={
            "seconds": "seconds a picture (median)",
            "checks": "checks passed",
            "n_checks": "of checks",
            "auc": "AUC",
        }
    )
    return Table(frame, "Each reader", "Codes; nobody's name is in the answers.", 2)


def _cell(row):
    """The value with its interval, or why there is none."""
    if pd.isna(row["value"]):
        return row["reason"] if isinstance(row["reason"], str) else "–"
    return interval_cell(row, decimals=2)
