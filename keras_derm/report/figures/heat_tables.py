"""A table whose cells are coloured, which several figures are built on."""

import itertools

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from keras_derm.report.figures.style import INK


def count_table(counts, zero="0"):
    """Draw a table of counts, its colours by the logarithm of the count.

    Args:
        counts: `pandas.DataFrame` of counts.
        zero: What is written into a cell without images.

    Returns:
        Tuple of the figure, its axes and the counts as an array.

    Raises:
        ValueError: If a count is negative or missing, or the table is empty.
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
    draw_heat(axes, np.where(values > 0, values, np.nan), LogNorm(1, largest))
    texts = [[f"{value:,.0f}" if value else zero for value in row] for row in values]
    write_cells(axes, texts, np.log1p(values) / np.log1p(largest))
    name_cells(axes, counts.index, counts.columns)
    return figure, axes, values


def draw_heat(axes, values, norm):
    """Colour the cells of a table by their values; NaN stays white."""
    axes.imshow(values, cmap="Blues", norm=norm, aspect="auto")
    axes.set_xticks(np.arange(values.shape[1] + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(values.shape[0] + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def write_cells(axes, texts, darkness, size=11):
    """Write a text into every cell, white where the cell is dark (0 to 1)."""
    for row, line in enumerate(texts):
        for column, text in enumerate(line):
            color = "white" if darkness[row][column] > 0.55 else INK
            axes.text(
                column,
                row,
                text,
                ha="center",
                va="center",
                color=color,
                fontsize=size,
                linespacing=1.05,
            )


def outline_cell(axes, row, column, **style):
    """Draw a frame around one cell."""
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, **style))


def name_cells(axes, rows, columns):
    """Name rows and columns, on end where the columns would run into each other."""
    names = [str(name) for name in columns]
    size = 9 if max(map(len, names)) > 10 else 10
    axes.set_xticks(range(len(names)), names, fontsize=size)
    axes.set_yticks(range(len(rows)), [str(name) for name in rows])
    if any(len(a) + len(b) > 16 for a, b in itertools.pairwise(names)):
        axes.tick_params(axis="x", labelrotation=90)
