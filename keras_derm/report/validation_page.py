"""The page of a validation: how good estimates of skin tone are."""

import numpy as np
import pandas as pd

from keras_derm.catalog import SKIN_TONE_SCALES, read_image
from keras_derm.evaluation import ToneTruth
from keras_derm.report import figures
from keras_derm.report.arm_tables import score_cells
from keras_derm.report.html import Callout, Section, Table, Text, render_report
from keras_derm.report.run_files import figure_block, save_figure

ORDER = ("measured", "Spearman", "ICC")
"""Figures, beside the AUCs, that go by order alone."""

N_WORST = 12


def write_validation_page(run, scores, photographs, estimates, paths, told):
    """Draw the figures of a validation, and write skin_tone.html.

    Args:
        run: `RunDirectory`.
        scores: Frame of the scores: those of `tone_scores` with `scale`, `image_type`,
            `estimator`, `within` and `level`.
        photographs: Table of the photographs that were judged.
        estimates: Dict from the name of each estimator to its frame.
        paths: Path of each photograph, by the index of `photographs`.
        told: Sentences for the head of the page.

    Returns:
        `Path` of the page.
    """
    sections = []
    for (scale, kind), own in scores.groupby(["scale", "image_type"], sort=True):
        rows = photographs[
            photographs["image_type"].eq(kind)
            & photographs["skin_tone_scale"].eq(scale)
        ]
        drawn = _draw(run, rows, scale, kind, estimates, paths)
        sections.append(_section(run, own, scale, kind, drawn))
    raters = photographs["skin_tone_rater"].fillna("not given").unique()
    rater = f"The rater of the labels: {', '.join(raters)}."
    first, *notes = told
    return render_report(
        sections,
        run / "skin_tone.html",
        "How good are estimates of skin tone?",
        [
            Text(first),
            Callout("caution", rater),
            *(Callout("note", note) for note in notes),
        ],
    )


def summary_table(scores):
    """The overall figures of every estimator, one row each, as text."""
    return score_cells(_overall(scores), ["image_type", "estimator"])


def file_name(image_type):
    """What the files of a type of photographs are called."""
    return image_type.replace(": ", "_").replace(" ", "_").replace("-", "_")


def _section(run, scores, scale, kind, drawn):
    overall = _overall(scores)
    by_order = overall["metric"].isin(ORDER) | overall["metric"].str.startswith("AUC")
    within = scores[scores["within"] != "all"]
    blocks = [
        Table(
            score_cells(overall[by_order], ["estimator"]),
            "Do darker people get darker estimates?",
            "Photographs measured, rank correlation, AUC of the darker against the "
            "lighter labels, and agreement (ICC) of the photographs of one lesion or "
            "patient.",
        ),
        Table(
            score_cells(overall[~by_order], ["estimator"]),
            "Are label and group right?",
            "On the scale of the labels alone: kappa has quadratic weights. A group is "
            "named where it is probable enough.",
        ),
        *(figure_block(run, *figure) for figure in drawn),
    ]
    if len(within):
        blocks.append(
            Table(
                score_cells(within, ["within", "level", "estimator"]),
                "Within one site, diagnosis or device",
                "An estimator that sees who is photographed where, and not the skin, "
                "loses its order here.",
            )
        )
    title = f"Photographs: {kind}, labels: {scale}"
    return Section(title, f"{int(scores['n'].max()):,} labelled photographs.", blocks)


def _overall(scores):
    return scores[scores["within"] == "all"]


def _draw(run, rows, scale, kind, estimates, paths):
    """Draw the figures of one type; tuples of name, text for the blind, and caption."""
    words = list(SKIN_TONE_SCALES[scale])
    name = f"{file_name(kind)}_{scale}"
    labels = rows["skin_tone_label"].to_numpy(object)
    used = {
        each: frame.loc[rows.index]
        for each, frame in estimates.items()
        if frame.loc[rows.index, "value"].notna().any()
    }
    on_scale = {each: f for each, f in used.items() if _scale(f) == scale}
    drawn = [
        (f"tone_violins_{name}", "Distribution of each estimate by label.", ""),
    ]
    values = {
        each: (
            frame["value"].to_numpy("float64"),
            "Estimate (0: lightest)" if each in on_scale else "ITA in degrees",
        )
        for each, frame in used.items()
    }
    save_figure(run, drawn[0][0], figures.tone_violins(values, labels, words, scale))
    if not on_scale:
        return drawn
    matrices = {
        each: _confusion(labels, frame["label"], words)
        for each, frame in on_scale.items()
    }
    figure = figures.confusion_matrices(matrices, words, "Label of a person")
    save_figure(run, f"tone_confusion_{name}", figure)
    own = [each for each in on_scale if "twin" not in each and "masked" not in each]
    best = (own or list(on_scale))[-1]
    sheet = _worst(rows, on_scale[best], scale, paths)
    save_figure(run, f"tone_worst_{name}", sheet)
    return [
        *drawn,
        (f"tone_confusion_{name}", "Confusion of label and estimated label.", ""),
        (
            f"tone_worst_{name}",
            "Photographs on which the estimate is furthest off.",
            f"Where {best} is furthest from the label: look whether the photograph or "
            "the label is at fault.",
        ),
    ]


def _worst(rows, frame, scale, paths):
    """Contact sheet of the photographs on which an estimator is furthest off."""
    words, values = list(SKIN_TONE_SCALES[scale]), frame["value"].to_numpy("float64")
    off = np.abs(values - ToneTruth.of(rows, scale).ranks)
    worst = np.argsort(-np.nan_to_num(off), kind="stable")[:N_WORST]
    images = [read_image(paths[rows.index[i]]) for i in worst]
    labels, ids = rows["skin_tone_label"].to_numpy(), rows["isic_id"].to_numpy()
    captions = [
        f"{ids[i]}\nlabel {labels[i]}\nestimate {_in_words(values[i], words)}"
        for i in worst
    ]
    return figures.contact_sheet(images, captions, 6)


def _confusion(labels, estimated, words):
    known = estimated.notna().to_numpy()
    table = pd.crosstab(
        pd.Categorical(labels[known], words),
        pd.Categorical(estimated[known], words),
        dropna=False,
    )
    return table.to_numpy()


def _in_words(value, words):
    """An expectation between two labels, in the numbers of its scale."""
    if value != value:
        return "none"
    value = min(max(value, 0.0), len(words) - 1.0)
    low = int(value)
    share = value - low
    if words[low].isdigit() and share > 0.05:
        high = words[min(low + 1, len(words) - 1)]
        return f"{(1 - share) * int(words[low]) + share * int(high):.1f}"
    return words[round(value)]


def _scale(frame):
    return frame["scale"].dropna().iloc[0]
