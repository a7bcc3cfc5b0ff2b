"""Confusion matrices of any number of models."""

import textwrap

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from keras_derm.report.figures.heat_tables import (
    draw_heat,
    name_cells,
    outline_cell,
    write_cells,
)
from keras_derm.report.figures.style import COLORS, styled

COLUMNS = 2


@styled
def confusion_matrices(matrices, classes):
    """Confusion matrices beside each other, counts with the share of the true class.

    Args:
        matrices: `dict` of the arm's name to an array of shape `(classes, classes)`:
            rows true, columns predicted, counts of test images. Two stand in a row.
        classes: Names of the classes in the order of the arrays.

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
    columns = min(COLUMNS, len(matrices))
    lines = -(-len(matrices) // columns)
    figure = Figure(
        figsize=((side + margin) * columns, (side + 1.3) * lines), layout="constrained"
    )
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes in panels[len(matrices) :]:
        axes.remove()
    for axes, (name, matrix) in zip(panels, matrices.items(), strict=False):
        matrix = np.asarray(matrix)
        if matrix.shape != (n_classes, n_classes):
            raise ValueError(
                f"Matrix {name!r} must have shape {(n_classes, n_classes)}. "
                f"Received: {matrix.shape}"
            )
        _confusion_panel(axes, matrix, classes, name)
    return figure


def _confusion_panel(axes, matrix, classes, name):
    totals = matrix.sum(axis=1, keepdims=True)
    shares = matrix / np.where(totals > 0, totals, np.nan)
    draw_heat(axes, shares, Normalize(0, 1))
    texts = [
        [
            f"{count:,.0f}\n{share:.0%}" if np.isfinite(share) else "–"
            for count, share in zip(count_row, share_row, strict=True)
        ]
        for count_row, share_row in zip(matrix, shares, strict=True)
    ]
    write_cells(axes, texts, np.nan_to_num(shares), size=9.5)
    for diagonal in range(len(classes)):
        outline_cell(axes, diagonal, diagonal, edgecolor=COLORS[1], linewidth=1.5)
    rows = [
        f"{label} ({total:,.0f})"
        for label, total in zip(classes, totals[:, 0], strict=True)
    ]
    name_cells(axes, rows, classes)
    axes.set_xlabel("Predicted")
    axes.set_ylabel("True diagnosis (images)")
    width = max(6.2 * len(classes), 18)
    axes.set_title(textwrap.fill(str(name), width), loc="left", pad=10)
