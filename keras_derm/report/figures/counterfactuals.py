"""Photographs with melanin added and removed, and what a model says of them."""

import numpy as np
from matplotlib.figure import Figure

from keras_derm.report.figures.photographs import (
    CAPTION,
    as_photograph,
    count_lines,
    label_row,
    photo_grid,
    wrapped,
)
from keras_derm.report.figures.style import (
    COLORS,
    GRID,
    INK,
    MUTED,
    distinguished,
    panels,
    styled,
)


@styled
def step_curves(tables, xlabel="Step of ITA, degrees") -> Figure:
    """What changes with each step, one panel a quantity, with intervals.

    Args:
        tables: `dict` of the panel's title to a `dict` of curve's name (a change) to
            `pandas.DataFrame` with the columns `step`, `value`, `low` and `high`; low
            and high may be NaN.
        xlabel: What the axis shows.

    Raises:
        ValueError: If there is no panel.
    """
    if not tables:
        raise ValueError(f"`tables` must name at least one panel. Received: {tables}")
    figure, axes = panels(len(tables), 2, 4.3, 3.3)
    for place, (title, curves) in zip(axes, tables.items(), strict=True):
        place.axhline(0, color=MUTED, linewidth=1)
        place.axvline(0, color=GRID, linewidth=1)
        for name, curve, color, marker in distinguished(curves, "os^D"):
            bars = np.abs(curve[["low", "high"]].to_numpy().T - curve["value"].values)
            place.errorbar(
                curve["step"],
                curve["value"],
                np.nan_to_num(bars),
                color=color,
                marker=marker,
                markersize=6,
                capsize=3,
                linewidth=1.6,
                label=name,
            )
        place.set(title=wrapped(title, 3.4), xlabel=xlabel)
        place.set_xticks(
            sorted({step for one in curves.values() for step in one["step"]})
        )
        place.yaxis.set_major_formatter(_percent)
        place.locator_params(axis="y", nbins=6)
    handles = axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower left", ncols=len(handles[1]))
    return figure


@styled
def photograph_strips(rows, columns) -> Figure:
    """Photographs in rows, each with what was said of it, some of them marked.

    Args:
        rows: List of tuples of the row's label and its cells, one a column: each a
            tuple of the image `(height, width, 3)`, its caption, and whether it is
            marked, by a frame and bold type.
        columns: Names of the columns.

    Raises:
        ValueError: If there is no row, or one has another number of cells.
    """
    counts = [(label, len(cells)) for label, cells in rows]
    if {n for _, n in counts} != {len(columns)}:
        raise ValueError(
            f"Each row needs {len(columns)} cells, and there must be one. "
            f"Received: {counts}"
        )
    captions = [caption for _, cells in rows for _, caption, _ in cells]
    n_lines = count_lines(captions, 1.6)
    heads = count_lines(columns, 1.6)
    images = [image for _, cells in rows for image, *_ in cells]
    aspect = max(np.shape(image)[0] / np.shape(image)[1] for image in images)
    text_lines = n_lines + heads / len(rows)
    grid, figure = photo_grid(len(rows), len(columns), text_lines, aspect)
    for line, (label, cells) in zip(grid, rows, strict=True):
        label_row(line[0], label)
        for axes, cell in zip(line, cells, strict=True):
            _strip_cell(axes, *cell)
    for axes, name in zip(grid[0], columns, strict=True):
        axes.set_title(wrapped(name, 1.6), **CAPTION)
    return figure


def _percent(share, _):
    return f"{round(100 * share, 6):g}%".replace("-", "−")


def _strip_cell(axes, image, caption, marked):
    axes.imshow(as_photograph(image))
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=marked, color=COLORS[1], linewidth=3)
    weight = "bold" if marked else "normal"
    axes.set_xlabel(wrapped(caption, 1.6), fontsize=9.5, fontweight=weight, color=INK)
