"""Differences between arms with their intervals, stratum by stratum."""

import textwrap

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from keras_derm.evaluation import TONE, TOO_FEW, stratum_title
from keras_derm.report.figures.style import COLORS, GRID, MUTED, styled

INTERVAL = ("difference", "difference_low", "difference_high")
NO_POINT = {
    "ha": "center",
    "va": "center",
    "style": "italic",
    "color": MUTED,
    "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 1.5},
}


@styled
def forest_plot(table, xlabel="Difference", sides=("lower", "higher")) -> Figure:
    """Differences with their intervals, one line a stratum, one panel a metric.

    A stratum that cannot be judged shows no point, only the words "too few to
    judge". A point is hollow where its interval holds zero, or where the correction
    for the number of strata read leaves no claim.

    Args:
        table: `pandas.DataFrame`, one row a stratum and metric. Columns `stratum`,
            `difference`, `difference_low`, `difference_high`; optionally
            `value_of_stratum`, `label` (name of the metric, one panel each), `n`
            (images), `n_positive` (images with the disease), `judged` (`False`: too
            few to judge; without it, rows with a missing number) and `p_adjusted`
            (no claim above 0.05).
        xlabel: What the axis shows.
        sides: Words for the left and the right side of zero.

    Raises:
        ValueError: If a column is missing or the table is empty.
    """
    missing = [name for name in ("stratum", *INTERVAL) if name not in table]
    if missing or table.empty:
        raise ValueError(
            f"`table` needs rows, and the columns {missing} too. "
            f"Received: {len(table)} rows, columns {list(table.columns)}"
        )
    labels = table["label"] if "label" in table else np.full(len(table), "")
    groups = list(table.groupby(labels, sort=False))
    rows = [len(group) for _, group in groups]
    figure = Figure(
        figsize=(5.9, 0.4 * sum(rows) + 1.0 * len(rows) + 0.4), layout="constrained"
    )
    ratios = [count + 1.2 for count in rows]
    panels = figure.subplots(
        len(rows), 1, squeeze=False, sharex=True, height_ratios=ratios
    )[:, 0]
    numbers = table.loc[_judged(table), list(INTERVAL)].to_numpy(float)
    reach = max(np.abs(numbers).max(initial=0) * 1.15, 0.02)
    for axes, (metric, group) in zip(panels, groups, strict=True):
        _forest_panel(axes, group, reach)
        axes.set_title(textwrap.fill(str(metric), 44), loc="left", pad=8)
    panels[-1].set_xlabel(f"{xlabel}\n← {sides[0]}   |   {sides[1]} →")
    return figure


def arm_forests(table, reference, metric="balanced_accuracy"):
    """Forest plots of one metric, every arm against the reference.

    Args:
        table: `pandas.DataFrame` as `evaluation.Comparison.table` returns it: the
            columns of `forest_plot`, `arm` and `metric`.
        reference: Name of the arm that the others are compared with.
        metric: Name of the metric.

    Returns:
        `dict` of figures: `"forest"`, the whole set and every tone group, and where
        another stratum can be judged `"forest_others"`, all of those. Strata without
        an image are left out; each arm has a panel of its own. Empty where there is
        nothing to compare.
    """
    compared = (table["arm"] != reference) & (table["metric"] == metric)
    table = table[compared & (table["n"] > 0)]
    arms = table["arm"].unique()
    if not len(arms):
        return {}
    which = arms[0] if len(arms) == 1 else "arm"
    words = {
        "xlabel": f"{which[0].upper()}{which[1:]} minus {reference}",
        "sides": (f"{reference} higher", f"{which} higher"),
    }
    if len(arms) > 1:
        table = table.assign(label=table["arm"] + ", " + table["label"])
    by_tone = table["stratum"].isin(["all", TONE])
    figures = {"forest": forest_plot(table[by_tone], **words)}
    others = table[table["judged"] & ~by_tone]
    if not others.empty:
        figures["forest_others"] = forest_plot(others, **words)
    return figures


def _judged(table):
    judged = np.isfinite(table[list(INTERVAL)].to_numpy(float)).all(axis=1)
    if "judged" in table:
        judged &= table["judged"].to_numpy(bool)
    return judged


def _forest_panel(axes, group, reach):
    axes.axvline(0, color=MUTED, linewidth=1)
    rows = group.to_dict("records")
    for line, (known, row) in enumerate(zip(_judged(group), rows, strict=True)):
        if known:
            claimed = not row.get("p_adjusted", 0) > 0.05
            _forest_line(axes, line, *(row[name] for name in INTERVAL), claimed)
        else:
            why = "not measurable" if row.get("judged", False) else TOO_FEW
            axes.text(0, line, why, **NO_POINT)
    axes.set_yticks(range(len(rows)), [_stratum(row) for row in rows])
    axes.set(ylim=(len(rows) - 0.4, -0.6), xlim=(-reach, reach))
    axes.locator_params(axis="x", nbins=5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def _forest_line(axes, line, middle, low, high, claimed):
    color = COLORS[0]
    inside = color if claimed and (low > 0 or high < 0) else "white"
    axes.plot([low, high], [line, line], color=color, solid_capstyle="butt")
    marker = {"markersize": 8, "markeredgewidth": 2, "markerfacecolor": inside}
    axes.plot(middle, line, "s", markeredgecolor=color, **marker)


def _stratum(row):
    name = stratum_title(str(row["stratum"]))
    value = row.get("value_of_stratum", "all")
    if value != "all":
        name += f" {value}"
    if pd.notna(row.get("n")):
        name += f"\nn = {row['n']:,.0f}"
        if pd.notna(row.get("n_positive")):
            name += f", {row['n_positive']:,.0f} positive"
    return name
