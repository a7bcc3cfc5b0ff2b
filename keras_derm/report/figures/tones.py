"""Counts of images by skin tone."""

import numpy as np

from keras_derm.report.figures.heat_tables import count_table, outline_cell
from keras_derm.report.figures.style import COLORS, styled


@styled
def tone_by_diagnosis(counts, title="Images by diagnosis and apparent skin tone"):
    """Heat table of how many images of each diagnosis each skin tone has.

    The colour follows the logarithm of the count, so that a cell of 5 and one of
    5,000 can both be read; empty cells are hatched.

    Args:
        counts: `pandas.DataFrame` of non-negative counts; index diagnoses, columns
            skin tones.
        title: Title of the figure.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If a count is negative or missing, or the table is empty.
    """
    figure, axes, values = count_table(counts)
    for row, column in np.argwhere(values == 0):
        outline_cell(axes, row, column, hatch="////", edgecolor="#c9ced6", linewidth=0)
    axes.set_xlabel(counts.columns.name or "Apparent tone (ITA)")
    axes.set_ylabel(counts.index.name or "Diagnosis")
    axes.set_title(title, loc="left", pad=10)
    return figure


@styled
def rule_disagreement(counts, title="Two rules, one image"):
    """Heat table of the skin tone by one rule against the tone by another.

    Args:
        counts: `pandas.DataFrame` of counts; index tones by the first rule, columns
            tones by the second. The names of index and columns name the rules.
            Cells of equal label are outlined: there the rules agree.
        title: Title of the figure; the share that disagrees is written below it.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If a count is negative or missing, or the table is empty.
    """
    figure, axes, values = count_table(counts, zero="·")
    agreed = 0
    for row, label in enumerate(counts.index):
        for column in np.flatnonzero(np.asarray(counts.columns) == label):
            outline_cell(axes, row, column, edgecolor=COLORS[1], linewidth=2)
            agreed += values[row, column]
    axes.set_ylabel(f"Tone by {counts.index.name or 'the first rule'}")
    total = values.sum()
    differ = total - agreed
    share = f" ({differ / total:.1%})" if total else ""
    axes.set_xlabel(
        f"Tone by {counts.columns.name or 'the second rule'}\n\n{differ:,.0f} of "
        f"{total:,.0f} images differ{share}; outlined: both agree"
    )
    axes.set_title(title, loc="left", pad=10)
    return figure
