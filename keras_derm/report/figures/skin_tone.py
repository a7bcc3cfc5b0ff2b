"""Estimates of skin tone beside people's labels."""

import numpy as np
from matplotlib.figure import Figure

from keras_derm.report.figures.style import COLORS, INK, MUTED, panels, styled

LEAST_FOR_VIOLIN = 8


@styled
def tone_violins(estimates, labels, order, scale) -> Figure:
    """What each estimator gives to the photographs of each label.

    Args:
        estimates: Dict from the name of an estimator to tuples of its values, (n,), NaN
            where there is none, and what they are, such as "ITA in degrees".
        labels: People's labels, (n,).
        order: The labels from the lightest to the darkest.
        scale: Name of their scale.

    Returns:
        `matplotlib.figure.Figure` with one panel an estimator: the distribution for
        each label, its median, and single photographs where there are few.
    """
    labels = np.asarray(labels, object)
    figure, places = panels(len(estimates), 3, 4.2, 3.4)
    for axes, (name, (values, unit)) in zip(places, estimates.items(), strict=True):
        for place, label in enumerate(order):
            own = values[(labels == label) & np.isfinite(values)]
            _draw_label(axes, place, own)
        counts = [np.sum((labels == x) & np.isfinite(values)) for x in order]
        ticks = [f"{x}\n{n:,}" for x, n in zip(order, counts, strict=True)]
        axes.set_xticks(range(len(order)), ticks)
        axes.set(xlabel=f"Label ({scale}), photographs", ylabel=unit)
        axes.set_title(name)
    return figure


def _draw_label(axes, place, values):
    if len(values) >= LEAST_FOR_VIOLIN and np.ptp(values) > 0:
        (body,) = axes.violinplot([values], [place], widths=0.8, showextrema=False)[
            "bodies"
        ]
        body.set(facecolor=COLORS[0], alpha=0.35)
    elif len(values):
        axes.plot([place] * len(values), values, "o", color=MUTED, markersize=3)
    if len(values):
        middle = np.median(values)
        axes.plot([place - 0.25, place + 0.25], [middle, middle], color=INK)
