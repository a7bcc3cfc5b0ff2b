"""Tables whose cells are coloured: counts, confusion matrices."""

import itertools
import textwrap

import numpy as np
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from keras_derm.report.figures.style import COLORS, INK, panels, styled


@styled
def counts_by_diagnosis(counts, title) -> Figure:
    """Heat table of how many images of each diagnosis each group has.

    The colour follows the logarithm of the count, so that a cell of 5 and one of
    5,000 can both be read; empty cells are hatched.

    Args:
        counts: `pandas.DataFrame` of non-negative counts; index diagnoses, columns
            tone groups, or types by ITA; their name stands below the table.
        title: Title of the figure.

    Raises:
        ValueError: If a count is negative or missing, or the table is empty.
    """
    figure, axes, values = _count_table(counts)
    for row, column in np.argwhere(values == 0):
        _outline_cell(axes, row, column, hatch="////", edgecolor="#c9ced6", linewidth=0)
    axes.set_xlabel(counts.columns.name or "")
    axes.set_ylabel(counts.index.name or "Diagnosis")
    width = max(30, 7 * counts.shape[1])
    axes.set_title(textwrap.fill(title, width), loc="left", pad=10)
    return figure


@styled
def rule_disagreement(counts, title="Two rules, one image") -> Figure:
    """Heat table of the ITA type by one rule against that by another.

    Args:
        counts: `pandas.DataFrame` of counts; index types by the first rule, columns
            types by the second. The names of index and columns name the rules.
            Cells of equal label are outlined: there the rules agree.
        title: Title of the figure; the share that disagrees is written below it.

    Raises:
        ValueError: If a count is negative or missing, or the table is empty.
    """
    figure, axes, values = _count_table(counts, zero="·")
    agreed = 0
    for row, label in enumerate(counts.index):
        for column in np.flatnonzero(np.asarray(counts.columns) == label):
            _outline_cell(axes, row, column, edgecolor=COLORS[1], linewidth=2)
            agreed += values[row, column]
    axes.set_ylabel(f"ITA type by {counts.index.name or 'the first rule'}")
    total = values.sum()
    differ = total - agreed
    share = f" ({differ / total:.1%})" if total else ""
    axes.set_xlabel(
        f"ITA type by {counts.columns.name or 'the second rule'}\n\n{differ:,.0f} of "
        f"{total:,.0f} images differ{share}; outlined: both agree"
    )
    axes.set_title(title, loc="left", pad=10)
    return figure


@styled
def confusion_matrices(matrices, classes, truth="True diagnosis") -> Figure:
    """Confusion matrices beside each other, counts with the share of the true class.

    Args:
        matrices: `dict` of the arm's name to an array of shape `(classes, classes)`:
            rows true, columns predicted, counts of test images. Two stand in a row.
        classes: Names of the classes in the order of the arrays.
        truth: What the true classes are called.

    Returns:
        `matplotlib.figure.Figure` with one panel a matrix, all on one colour scale.

    Raises:
        ValueError: If there is no matrix or one has another shape.
    """
    if not matrices:
        raise ValueError(f"`matrices` must name at least one. Received: {matrices}")
    n_classes = len(classes)
    side = max(0.62 * n_classes, 1.8)
    margin = 1.1 + 0.09 * max(len(str(name)) for name in classes)
    figure, places = panels(len(matrices), 2, side + margin, side + 1.3)
    for axes, (name, matrix) in zip(places, matrices.items(), strict=True):
        matrix = np.asarray(matrix)
        if matrix.shape != (n_classes, n_classes):
            raise ValueError(
                f"Matrix {name!r} must have shape {(n_classes, n_classes)}. "
                f"Received: {matrix.shape}"
            )
        _confusion_panel(axes, matrix, classes, name)
        axes.set_ylabel(f"{truth} (images)")
    return figure


def _confusion_panel(axes, matrix, classes, name):
    totals = matrix.sum(axis=1, keepdims=True)
    shares = matrix / np.where(totals > 0, totals, np.nan)
    _draw_heat(axes, shares, Normalize(0, 1))
    texts = [
        [
            f"{count:,.0f}\n{share:.0%}" if np.isfinite(share) else "–"
            for count, share in zip(*row, strict=True)
        ]
        for row in zip(matrix, shares, strict=True)
    ]
    _write_cells(axes, texts, np.nan_to_num(shares), size=9.5)
    for diagonal in range(len(classes)):
        _outline_cell(axes, diagonal, diagonal, edgecolor=COLORS[1], linewidth=1.5)
    named = zip(classes, totals[:, 0], strict=True)
    _name_cells(axes, [f"{label} ({total:,.0f})" for label, total in named], classes)
    axes.set_xlabel("Predicted")
    width = max(6.2 * len(classes), 18)
    axes.set_title(textwrap.fill(str(name), width), loc="left", pad=10)


def _count_table(counts, zero="0"):
    """Draw a table of counts, its colours by the logarithm; `zero` stands for none.

    Returns the figure, its axes and the counts as an array.
    """
    values = counts.to_numpy(float)
    if values.size == 0 or not (values >= 0).all():
        raise ValueError(
            "A table of counts must have cells, none negative or missing. "
            f"Received:\n{counts}"
        )
    rows, columns = values.shape
    figure = Figure(
        figsize=(max(0.64 * columns + 1.4, 4.5), 0.46 * rows + 1.5),
        layout="constrained",
    )
    axes, largest = figure.subplots(), max(values.max(), 2)
    _draw_heat(axes, np.where(values > 0, values, np.nan), LogNorm(1, largest))
    texts = [[f"{value:,.0f}" if value else zero for value in row] for row in values]
    _write_cells(axes, texts, np.log1p(values) / np.log1p(largest))
    _name_cells(axes, counts.index, counts.columns)
    return figure, axes, values


def _draw_heat(axes, values, norm):
    """Colour the cells of a table by their values; NaN stays white."""
    axes.imshow(values, cmap="Blues", norm=norm, aspect="auto")
    axes.set_xticks(np.arange(values.shape[1] + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(values.shape[0] + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def _write_cells(axes, texts, darkness, size=11):
    """Write a text into every cell, white where the cell is dark (0 to 1)."""
    for row, line in enumerate(texts):
        for column, text in enumerate(line):
            color = "white" if darkness[row][column] > 0.55 else INK
            style = {"fontsize": size, "linespacing": 1.05, "color": color}
            axes.text(column, row, text, ha="center", va="center", **style)


def _outline_cell(axes, row, column, **style):
    """Draw a frame around one cell."""
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, **style))


def _name_cells(axes, rows, columns):
    """Name rows and columns, on end where the columns would run into each other."""
    names = [str(name) for name in columns]
    size = 9 if max(map(len, names)) > 10 else 10
    axes.set_xticks(range(len(names)), names, fontsize=size)
    axes.set_yticks(range(len(rows)), [str(name) for name in rows])
    if any(len(a) + len(b) > 16 for a, b in itertools.pairwise(names)):
        axes.tick_params(axis="x", labelrotation=90)
