"""Bars from zero: how many images of each class, and what each arm is worth."""

import numpy as np
from matplotlib.figure import Figure

from keras_derm.report.figures.style import COLORS, INK, distinguished, panels, styled

N_ACROSS = 3
NOT_JUDGED = "not judged"


@styled
def class_bars(counts, title, log=False) -> Figure:
    """Bars of how many images each class has, those of its parts beside each other.

    Args:
        counts: `pandas.DataFrame` of non-negative counts; index classes, from the top
            down, columns parts, such as train, val and test.
        title: Title of the figure.
        log: Whether the axis is logarithmic. It then begins below 1, and a class
            without an image has no bar.

    Raises:
        ValueError: If a count is negative or missing, or the table is empty.
    """
    values = counts.to_numpy(float)
    if values.size == 0 or not (values >= 0).all():
        raise ValueError(
            f"Bars need counts, none negative or missing. Received:\n{counts}"
        )
    n_classes, n_parts = values.shape
    size = 5.9, 0.26 * n_classes * n_parts + 0.12 * n_classes + 1.4
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    thickness = 0.8 / n_parts
    columns = dict(zip(map(str, counts.columns), values.T, strict=True))
    for i, (name, column, color, _) in enumerate(distinguished(columns)):
        places = np.arange(n_classes) + (i - (n_parts - 1) / 2) * thickness
        bars = axes.barh(places, column, thickness, color=color, label=name)
        axes.bar_label(bars, [f"{n:,.0f}" for n in column], padding=3, fontsize=9)
    axes.margins(x=0.14)  # room for the numbers
    if log:
        axes.set_xscale("log")
        axes.set_xlim(left=0.5)
    axes.set_yticks(range(n_classes), [str(name) for name in counts.index])
    axes.set(ylim=(n_classes - 0.5, -0.5), title=title, xlabel="Images")
    axes.set_ylabel(counts.index.name or "")
    if n_parts > 1:
        figure.legend(loc="outside lower left", ncols=4, fontsize=10)
    return figure


@styled
def arm_bars(table) -> Figure:
    """Bars of the arms with their intervals, one panel a metric.

    Args:
        table: `pandas.DataFrame` as `evaluation.Comparison.table` returns it, of one
            stratum: a row for each arm and metric, with `arm`, `label` (name of the
            metric), `value`, `value_low` and `value_high`, NaN where there is none.

    Raises:
        ValueError: If a column is missing or the table is empty.
    """
    needed = ("arm", "label", "value", "value_low", "value_high")
    missing = [name for name in needed if name not in table]
    if missing or table.empty:
        raise ValueError(
            f"`table` needs rows, and the columns {missing} too. "
            f"Received: {len(table)} rows, columns {list(table.columns)}"
        )
    groups = list(table.groupby("label", sort=False))
    arms = list(dict.fromkeys(table["arm"]))
    figure, places = panels(len(groups), N_ACROSS, 2.6, 0.42 * len(arms) + 1.0, 1.0)
    for i, (axes, (label, rows)) in enumerate(zip(places, groups, strict=True)):
        _arm_panel(axes, rows.set_index("arm").reindex(arms))
        axes.set_title(str(label).replace(", ", ",\n"), loc="left", fontsize=10)
        axes.set_yticks(
            range(len(arms)), arms if i % N_ACROSS == 0 else [""] * len(arms)
        )
    return figure


def _arm_panel(axes, rows):
    numbers = rows[["value", "value_low", "value_high"]].to_numpy(float)
    for place, (value, low, high) in enumerate(numbers):
        if np.isnan(value):
            axes.text(0, place, f" {NOT_JUDGED}", va="center", style="italic")
            continue
        axes.barh(place, value, 0.7, color=COLORS[place % len(COLORS)])
        end = value
        if not np.isnan([low, high]).any():
            axes.plot([low, high], [place, place], color=INK, linewidth=1.4)
            end = max(value, high)
        shown = f"{value:,.0f}" if value > 1 else f"{value:.2f}"
        axes.annotate(
            shown, (end, place), (3, 0), textcoords="offset points", va="center"
        )
    reach = np.nanmax(numbers, initial=0.0)
    axes.set(ylim=(len(rows) - 0.5, -0.5), xlim=(0, 1.3 * reach if reach > 0 else 1))
    axes.tick_params(axis="y", length=0)
    axes.locator_params(axis="x", nbins=4)
