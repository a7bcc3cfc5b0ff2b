"""Images in the plane, by the features of a classifier."""

from itertools import cycle

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from keras_derm.report.figures.style import DIAGNOSIS_COLORS, MUTED, styled


@styled
def feature_map(
    points, diagnosis, synthetic, title="Images as the classifier sees them"
) -> Figure:
    """Images in the plane: colour for the diagnosis, marker for real or synthetic.

    The first panel shows all of them; each further one lifts a single diagnosis out
    of the others in grey, so that none has to be told by its colour.

    Args:
        points: Array `(n, 2)`, as from `explain.embed`.
        diagnosis: Array `(n,)` of diagnoses.
        synthetic: bool array `(n,)`.
        title: Title of the first panel.

    Raises:
        ValueError: If the lengths differ or there is no point.
    """
    points = np.asarray(points, float)
    diagnosis, synthetic = np.asarray(diagnosis), np.asarray(synthetic, bool)
    n = len(diagnosis)
    if n == 0 or points.shape != (n, 2) or synthetic.shape != (n,):
        raise ValueError(
            "`points` must be (n, 2), `diagnosis` and `synthetic` (n,). Received: "
            f"{points.shape}, {diagnosis.shape} and {synthetic.shape}"
        )
    names = np.unique(diagnosis)
    columns = min(4, len(names))
    lines = -(-len(names) // columns)
    figure = Figure(figsize=(9.0, 5.2 + 2.35 * lines), layout="constrained")
    grid = figure.add_gridspec(lines + 1, columns, height_ratios=[5.0] + [2.2] * lines)
    colors = dict(zip(names, cycle(DIAGNOSIS_COLORS), strict=False))
    axes = figure.add_subplot(grid[0, :])
    for name, color in colors.items():
        _feature_points(axes, points, diagnosis == name, synthetic, color, 26)
    axes.set_title(title)
    keys = [_key("s", color, name) for name, color in colors.items()]
    keys.append(_key("o", MUTED, "real"))
    if synthetic.any():
        keys.append(_key("x", MUTED, "synthetic"))
    axes.legend(handles=keys, loc="center left", bbox_to_anchor=(1, 0.5), fontsize=10)
    _plane(axes, points)
    for i, (name, color) in enumerate(colors.items()):
        panel = figure.add_subplot(grid[1 + i // columns, i % columns])
        chosen = diagnosis == name
        panel.scatter(*points[~chosen].T, s=2, color="#d5d9df", linewidth=0)
        _feature_points(panel, points, chosen, synthetic, color, 12)
        n_real, n_made = (chosen & ~synthetic).sum(), (chosen & synthetic).sum()
        caption = f"{name}\n{n_real} real" + f", {n_made} synthetic" * bool(n_made)
        panel.set_title(caption, fontsize=10, fontweight="normal")
        _plane(panel, points)
    return figure


def _feature_points(axes, points, chosen, synthetic, color, size):
    real, made = points[chosen & ~synthetic], points[chosen & synthetic]
    axes.scatter(*real.T, s=size, color=color, alpha=0.7, linewidth=0)
    axes.scatter(*made.T, s=size, color=color, marker="x", linewidth=0.9)


def _key(marker, color, label):
    return Line2D([], [], linestyle="", marker=marker, color=color, label=label)


def _plane(axes, points):
    """Same bounds for all panels and no ticks: the axes of UMAP have no meaning."""
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.04 * (high - low) + 1e-6
    xlim, ylim = zip(low - margin, high + margin, strict=True)
    axes.set(xlim=xlim, ylim=ylim, xticks=[], yticks=[])
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color("#d5d9df")
