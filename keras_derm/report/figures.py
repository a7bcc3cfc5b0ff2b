"""Figures of the report: each takes numbers or images and returns a Figure.

Every function returns a `matplotlib.figure.Figure` that belongs to no window and
no global state. Colours are those of Okabe and Ito, told apart by colour-blind
readers; line style, marker or text always says the same as the colour.
"""

import functools
import itertools
import textwrap

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
# Their whole palette and a grey, for as many diagnoses.
DIAGNOSIS_COLORS = (*COLORS, "#F0E442", "#000000", "#888888")
INK = "#1c2430"
MUTED = "#5b6573"
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "lines.linewidth": 2,
}


def _styled(function):
    """Draw with the report's style and leave the caller's settings alone."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        with matplotlib.rc_context({**matplotlib.rcParamsDefault, **STYLE}):
            return function(*args, **kwargs)

    return wrapper


@_styled
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
    values = _counts(counts)
    figure, axes = _table_axes(values.shape)
    largest = max(values.max(), 2)
    shown = np.where(values > 0, values, np.nan)
    _heat(axes, shown, LogNorm(1, largest))
    texts = [[f"{value:,.0f}" for value in row] for row in values]
    _write_cells(axes, texts, np.log1p(values) / np.log1p(largest))
    for row, column in np.argwhere(values == 0):
        _outline(axes, row, column, hatch="////", edgecolor="#c9ced6", linewidth=0)
    _name_cells(axes, counts.index, counts.columns)
    axes.set_xlabel(counts.columns.name or "Apparent tone (ITA)")
    axes.set_ylabel(counts.index.name or "Diagnosis")
    axes.set_title(title, loc="left", pad=10)
    return figure


@_styled
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
    values = _counts(counts)
    figure, axes = _table_axes(values.shape)
    largest = max(values.max(), 2)
    _heat(axes, np.where(values > 0, values, np.nan), LogNorm(1, largest))
    texts = [[f"{value:,.0f}" if value else "·" for value in row] for row in values]
    _write_cells(axes, texts, np.log1p(values) / np.log1p(largest))
    agreed = 0
    for row, label in enumerate(counts.index):
        for column in np.flatnonzero(np.asarray(counts.columns) == label):
            _outline(axes, row, column, edgecolor=COLORS[1], linewidth=2)
            agreed += values[row, column]
    _name_cells(axes, counts.index, counts.columns)
    axes.set_xlabel(f"Tone by {counts.columns.name or 'the second rule'}")
    axes.set_ylabel(f"Tone by {counts.index.name or 'the first rule'}")
    total = values.sum()
    differ = total - agreed
    share = f" ({differ / total:.1%})" if total else ""
    axes.set_xlabel(
        axes.get_xlabel() + f"\n\n{differ:,.0f} of {total:,.0f} images differ{share}; "
        "outlined: both agree"
    )
    axes.set_title(title, loc="left", pad=10)
    return figure


@_styled
def confusion_matrices(matrices, classes):
    """Confusion matrices side by side, counts with the share of the true class.

    Args:
        matrices: `dict` of name (for instance `"Baseline"`, `"Augmented"`) to an
            array of shape `(classes, classes)`: rows true, columns predicted,
            counts of test images.
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
    figure = Figure(
        figsize=((side + margin) * len(matrices), side + 1.3), layout="constrained"
    )
    panels = figure.subplots(1, len(matrices), squeeze=False)[0]
    for axes, (name, matrix) in zip(panels, matrices.items(), strict=True):
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
    _heat(axes, shares, Normalize(0, 1))
    texts = [
        [
            f"{count:,.0f}\n{share:.0%}" if np.isfinite(share) else "–"
            for count, share in zip(count_row, share_row, strict=True)
        ]
        for count_row, share_row in zip(matrix, shares, strict=True)
    ]
    _write_cells(axes, texts, np.nan_to_num(shares), size=9.5)
    for diagonal in range(len(classes)):
        _outline(axes, diagonal, diagonal, edgecolor=COLORS[1], linewidth=1.5)
    rows = [
        f"{label} ({total:,.0f})"
        for label, total in zip(classes, totals[:, 0], strict=True)
    ]
    _name_cells(axes, rows, classes)
    axes.set_xlabel("Predicted")
    axes.set_ylabel("True diagnosis (images)")
    width = max(6.2 * len(classes), 18)
    axes.set_title(textwrap.fill(str(name), width), loc="left", pad=10)


@_styled
def forest_plot(
    table,
    xlabel="Augmented minus baseline",
    sides=("baseline higher", "augmented higher"),
):
    """Differences with their intervals, one line a stratum, one panel a metric.

    A stratum that cannot be judged shows no point, only the words "too few to
    judge". A point is hollow where its interval holds zero, or where the correction
    for the number of strata read leaves no claim.

    Args:
        table: `pandas.DataFrame`, one row a stratum and metric, as
            `evaluation.Comparison.table` returns it. Columns `stratum`,
            `difference`, `difference_low`, `difference_high`; optionally
            `value_of_stratum`, `label` (name of the metric, one panel each), `n`
            (images), `n_positive` (images with the disease) and `judged`
            (`False`: too few to judge; without it, rows with a missing number) and
            `p_adjusted` (no claim above 0.05).
        xlabel: What the axis shows.
        sides: Words for the left and the right side of zero.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If a column is missing or the table is empty.
    """
    missing = [name for name in ("stratum", *_INTERVAL) if name not in table]
    if missing or table.empty:
        raise ValueError(
            f"`table` needs rows, and the columns {missing} too. "
            f"Received: {len(table)} rows, columns {list(table.columns)}"
        )
    if "label" in table:
        groups = list(table.groupby("label", sort=False))
    else:
        groups = [("", table)]
    rows = [len(group) for _, group in groups]
    figure = Figure(
        figsize=(5.9, 0.4 * sum(rows) + 1.0 * len(rows) + 0.4), layout="constrained"
    )
    ratios = [count + 1.2 for count in rows]
    panels = figure.subplots(
        len(rows), 1, squeeze=False, sharex=True, height_ratios=ratios
    )[:, 0]
    numbers = table.loc[_judged(table), list(_INTERVAL)].to_numpy(float)
    reach = max(np.abs(numbers).max(initial=0) * 1.15, 0.02)
    for axes, (metric, group) in zip(panels, groups, strict=True):
        _forest_panel(axes, group, reach)
        axes.set_title(textwrap.fill(str(metric), 44), loc="left", pad=8)
    panels[-1].set_xlabel(f"{xlabel}\n← {sides[0]}   |   {sides[1]} →")
    return figure


_INTERVAL = ("difference", "difference_low", "difference_high")


def _judged(table):
    judged = np.isfinite(table[list(_INTERVAL)].to_numpy(float)).all(axis=1)
    if "judged" in table:
        judged &= table["judged"].to_numpy(bool)
    return judged


def _forest_panel(axes, group, reach):
    axes.axvline(0, color=MUTED, linewidth=1)
    rows = group.to_dict("records")
    for line, (known, row) in enumerate(zip(_judged(group), rows, strict=True)):
        if known:
            claimed = not row.get("p_adjusted", 0) > 0.05
            _forest_line(axes, line, *(row[name] for name in _INTERVAL), claimed)
            continue
        enough = row.get("judged", False)
        axes.text(
            0,
            line,
            "not measurable" if enough else "too few to judge",
            ha="center",
            va="center",
            style="italic",
            color=MUTED,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )
    axes.set_yticks(range(len(rows)), [_stratum(row) for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(-reach, reach)
    axes.locator_params(axis="x", nbins=5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color="#e3e6ea", linewidth=0.8)
    axes.set_axisbelow(True)


def _forest_line(axes, line, middle, low, high, claimed):
    color = COLORS[0]
    inside = color if claimed and (low > 0 or high < 0) else "white"
    axes.plot([low, high], [line, line], color=color, solid_capstyle="butt")
    axes.plot(
        middle,
        line,
        "s",
        markersize=8,
        markeredgecolor=color,
        markerfacecolor=inside,
        markeredgewidth=2,
    )


def _stratum(row):
    name = str(row["stratum"]).replace("anatom_site_general", "site")
    name = name.replace("_", " ")
    value = row.get("value_of_stratum", "all")
    if value != "all":
        name += f" {value}"
    if pd.notna(row.get("n")):
        name += f"\nn = {row['n']:,.0f}"
        if pd.notna(row.get("n_positive")):
            name += f", {row['n_positive']:,.0f} positive"
    return name


@_styled
def training_curves(histories, metrics=None):
    """Training and validation curves, one panel a metric, one colour a run.

    Args:
        histories: `dict` of run name to `pandas.DataFrame` with one row an epoch,
            as Keras' `CSVLogger` writes it: columns such as `loss` and `val_loss`,
            and `epoch` (first is 0) where there is one.
        metrics: Names of the metrics to show. By default those that have a
            `val_` twin, and where none has, every numeric column.

    Returns:
        `matplotlib.figure.Figure`; validation solid, training dashed.

    Raises:
        ValueError: If there is no history, or a metric that no history has.
    """
    metrics = list(metrics or _curve_metrics(histories))
    unknown = [
        name
        for name in metrics
        if not any(name in history for history in histories.values())
    ]
    if not metrics or unknown:
        raise ValueError(
            f"No history has the metrics {unknown or 'to draw'}. Received: histories "
            f"{ {name: list(frame.columns) for name, frame in histories.items()} }"
        )
    columns = min(len(metrics), 2)
    lines = -(-len(metrics) // columns)
    figure = Figure(figsize=(4.4 * columns + 0.6, 3.1 * lines), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, metric in zip(panels, metrics, strict=False):
        for color, history in zip(_cycle(COLORS), histories.values(), strict=False):
            _curve(axes, history, metric, color)
        axes.set_title(metric.replace("_", " "))
        axes.set_xlabel("Epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(axis="y", color="#e3e6ea", linewidth=0.8)
    for axes in panels[len(metrics) :]:
        axes.remove()
    keys = [
        Line2D([], [], color=color, linewidth=4, label=name)
        for color, name in zip(_cycle(COLORS), histories, strict=False)
    ]
    if any(f"val_{metric}" in frame for frame in histories.values()):
        keys.append(Line2D([], [], color=MUTED, linestyle="-", label="validation"))
        keys.append(Line2D([], [], color=MUTED, linestyle="--", label="training"))
    figure.legend(handles=keys, loc="outside lower left", ncols=2, fontsize=10)
    return figure


def _curve_metrics(histories):
    paired, single = {}, {}
    for history in histories.values():
        for name in history.select_dtypes("number").columns:
            if name.startswith("val_") or name in ("epoch", "learning_rate"):
                continue
            single[name] = None
            if f"val_{name}" in history:
                paired[name] = None
    return list(paired or single)


def _curve(axes, history, metric, color):
    if metric not in history:
        return
    if "epoch" in history:
        epochs = history["epoch"].to_numpy() + 1
    else:
        epochs = np.arange(1, len(history) + 1)
    marker = "o" if len(epochs) <= 15 else None
    style = {"color": color, "marker": marker, "markersize": 4}
    validation = history.get(f"val_{metric}")
    if validation is not None:
        axes.plot(epochs, validation, "-", **style)
    axes.plot(epochs, history[metric], "-" if validation is None else "--", **style)


@_styled
def roc(curves, title="Receiver operating characteristic"):
    """Receiver operating characteristic, with intervals where they are given.

    Args:
        curves: `dict` of legend text (put the area and its interval there) to
            `pandas.DataFrame` with the columns `specificity` and `sensitivity` in
            [0, 1], and optionally `low` and `high`, the interval of sensitivity.
        title: Title of the figure.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If a column is missing.
    """
    figure = Figure(figsize=(5.6, 5.8), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], ":", color=MUTED, linewidth=1.2)
    styles = _cycle(("-", "--", "-.", ":"))
    for color, style, (name, curve) in zip(
        _cycle(COLORS), styles, curves.items(), strict=False
    ):
        _need(curve, ("specificity", "sensitivity"), name)
        false_alarms = 1 - curve["specificity"]
        axes.plot(false_alarms, curve["sensitivity"], style, color=color, label=name)
        if {"low", "high"} <= set(curve.columns):
            axes.fill_between(
                false_alarms, curve["low"], curve["high"], color=color, alpha=0.18
            )
    axes.set_xlabel("1 − specificity (share of false alarms)")
    axes.set_ylabel("Sensitivity")
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.01)
    axes.set_aspect("equal")
    axes.set_title(title)
    figure.legend(loc="outside lower left", fontsize=10)
    return figure


@_styled
def reliability(curves, title="Reliability"):
    """Predicted probability against how often it came true.

    Args:
        curves: `dict` of name to `pandas.DataFrame`, one row a bin, columns
            `confidence` (mean predicted probability), `accuracy` (share that came
            true), both in [0, 1].
        title: Title of the figure.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If a column is missing.
    """
    figure = Figure(figsize=(5.6, 5.8), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], ":", color=MUTED, label="perfectly calibrated")
    markers = _cycle(("o", "s", "^", "D"))
    for color, marker, (name, curve) in zip(
        _cycle(COLORS), markers, curves.items(), strict=False
    ):
        _need(curve, ("confidence", "accuracy"), name)
        axes.plot(
            curve["confidence"],
            curve["accuracy"],
            color=color,
            marker=marker,
            label=name,
        )
    axes.set_xlabel("Predicted probability")
    axes.set_ylabel("Share that came true")
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.01)
    axes.set_aspect("equal")
    axes.set_title(title)
    figure.legend(loc="outside lower left", fontsize=10)
    return figure


@_styled
def net_benefit(curves, title="Net benefit"):
    """Decision curves: what acting on a model gains over acting on all or nobody.

    Args:
        curves: `dict` of name to `pandas.DataFrame` as `evaluation.decision_curve`
            returns it: columns `threshold`, `net_benefit`, `low`, `high` and
            `treat_all`, the last the same for all models.
        title: Title of the figure.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there is no curve or a column is missing.
    """
    if not curves:
        raise ValueError(f"`curves` must name at least one. Received: {curves}")
    figure = Figure(figsize=(5.9, 4.6), layout="constrained")
    axes = figure.subplots()
    styles = _cycle(("-", "--", "-.", ":"))
    for color, style, (name, curve) in zip(
        _cycle(COLORS), styles, curves.items(), strict=False
    ):
        _need(curve, ("threshold", "net_benefit", "low", "high", "treat_all"), name)
        at = curve["threshold"]
        axes.plot(at, curve["net_benefit"], style, color=color, label=name)
        axes.fill_between(at, curve["low"], curve["high"], color=color, alpha=0.18)
    axes.plot(at, curve["treat_all"], color=MUTED, linewidth=1.2, label="act on all")
    axes.axhline(0, linestyle=":", color=MUTED, linewidth=1.2, label="act on nobody")
    highest = max(frame["high"].max() for frame in curves.values())
    axes.set_ylim(-0.25 * highest, 1.1 * highest)
    axes.set_xlim(at.min(), at.max())
    axes.set_xlabel("Probability from which a reader would act")
    axes.set_ylabel("Net benefit (true positives an image)")
    axes.set_title(title)
    figure.legend(loc="outside lower left", fontsize=10, ncols=2)
    return figure


@_styled
def deletion_curves(curves, title="When the attended pixels are replaced"):
    """Probability of the explained class while its pixels are replaced.

    Args:
        curves: `dict` of legend text to an array `(n, n_steps + 1)` in [0, 1], one
            curve a case, as `explain.deletion_curve` gives them. Drawn are the mean
            and, shaded, the middle half of the cases.
        title: Title of the figure.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there is no curve or one has another shape.
    """
    shapes = {name: np.shape(curve) for name, curve in curves.items()}
    if not curves or any(len(shape) != 2 or shape[1] < 2 for shape in shapes.values()):
        raise ValueError(
            f"Curves must have the shape (n, n_steps + 1). Received: {shapes}"
        )
    figure = Figure(figsize=(5.6, 4.6), layout="constrained")
    axes = figure.subplots()
    styles = _cycle(("-", "--", "-.", ":"))
    for color, style, (name, curve) in zip(
        _cycle(COLORS), styles, curves.items(), strict=False
    ):
        curve = np.asarray(curve, float)
        share = np.linspace(0, 1, curve.shape[1])
        low, high = np.quantile(curve, [0.25, 0.75], axis=0)
        axes.plot(share, curve.mean(axis=0), style, color=color, label=name)
        axes.fill_between(share, low, high, color=color, alpha=0.15, linewidth=0)
    axes.set_xlabel("Share of the pixels replaced")
    axes.set_ylabel("Probability of the explained class")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.01)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set_title(textwrap.fill(title, 48))
    figure.legend(loc="outside lower left", fontsize=10)
    return figure


@_styled
def feature_map(
    points, diagnosis, synthetic, title="Images as the classifier sees them"
):
    """Images in the plane: colour for the diagnosis, marker for real or synthetic.

    The first panel shows all of them; each further one lifts a single diagnosis out
    of the others in grey, so that none has to be told by its colour.

    Args:
        points: Array `(n, 2)`, as from `explain.embed`.
        diagnosis: Array `(n,)` of diagnoses.
        synthetic: bool array `(n,)`.
        title: Title of the first panel.

    Returns:
        `matplotlib.figure.Figure`.

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
    colors = dict(zip(names, _cycle(DIAGNOSIS_COLORS), strict=False))
    axes = figure.add_subplot(grid[0, :])
    for name, color in colors.items():
        _feature_points(axes, points, diagnosis == name, synthetic, color, 26)
    axes.set_title(title)
    axes.legend(
        handles=[
            *(_key("s", color, name) for name, color in colors.items()),
            _key("o", MUTED, "real"),
            *([_key("x", MUTED, "synthetic")] if synthetic.any() else []),
        ],
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        fontsize=10,
    )
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
    axes.set_xlim(low[0] - margin[0], high[0] + margin[0])
    axes.set_ylim(low[1] - margin[1], high[1] + margin[1])
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color("#d5d9df")


@_styled
def contact_sheet(images, captions=None, columns=6):
    """Images in a grid, each with its caption.

    Args:
        images: Sequence of images `(height, width, 3)`, uint8 or float in
            [0, 255]; sizes may differ.
        captions: One text an image, or `None`.
        columns: Images a row.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there is no image, or captions of another number.
    """
    captions = _captions(images, captions)
    columns = min(columns, len(images))
    lines = -(-len(images) // columns)
    panels, figure = _photo_grid(lines, columns, _text_lines(captions, 1.6))
    for axes, image, caption in zip(panels.ravel(), images, captions, strict=False):
        axes.imshow(_photo(image))
        axes.set_title(_wrap(caption, 1.6), **_CAPTION)
    return figure


@_styled
def preparation_stages(stages, captions=None):
    """What preparation did: one row a stage, one column an image.

    Args:
        stages: `dict` of the stage's name (`"original"`, `"hair removed"`, ...) to
            the sequence of images after it, the same images in the same order;
            `(height, width, 3)`, uint8 or float in [0, 255].
        captions: One text an image, written above the first row.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there is no stage, or stages of different numbers of images.
    """
    counts = {name: len(images) for name, images in stages.items()}
    if len(set(counts.values())) != 1:
        raise ValueError(f"Stages need equally many images. Received: {counts}")
    captions = _captions(next(iter(stages.values())), captions)
    panels, figure = _photo_grid(
        len(stages), len(captions), _text_lines(captions, 1.6) / len(stages)
    )
    for row, (name, images) in zip(panels, stages.items(), strict=True):
        for axes, image in zip(row, images, strict=True):
            axes.imshow(_photo(image))
        row[0].set_axis_on()
        row[0].set(xticks=[], yticks=[])
        row[0].spines[:].set_visible(False)
        row[0].set_ylabel(_wrap(name, 1.6), fontsize=11)
    for axes, caption in zip(panels[0], captions, strict=True):
        axes.set_title(_wrap(caption, 1.6), **_CAPTION)
    return figure


@_styled
def cam_gallery(images, heatmaps, captions=None, columns=3):
    """Each image beside itself with the model's attention laid over it.

    Args:
        images: Sequence of images `(height, width, 3)`, uint8 or float in
            [0, 255].
        heatmaps: One array `(h, w)` in [0, 1] an image (1: most attention), of
            the image's shape or coarser.
        captions: One text an image: truth, prediction, probability.
        columns: Pairs a row.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If the numbers of images, maps and captions differ.
    """
    captions = _captions(images, captions)
    if len(heatmaps) != len(images):
        raise ValueError(
            "Each image needs one heatmap. "
            f"Received: {len(images)} images, {len(heatmaps)} heatmaps"
        )
    columns = min(columns, len(images))
    lines = -(-len(images) // columns)
    panels, figure = _photo_grid(lines, 2 * columns, _text_lines(captions, 3.0))
    pairs = panels.reshape(-1, 2)
    for (plain, overlaid), image, heatmap, caption in zip(
        pairs, images, heatmaps, captions, strict=False
    ):
        plain.imshow(_photo(image))
        plain.set_title(_wrap(caption, 3.0), loc="left", **_CAPTION)
        _attention(overlaid, image, heatmap)
    return figure


@_styled
def case_grid(cases, rows, columns):
    """Cases in a table, each a photograph beside its attention, empty cells said so.

    Args:
        cases: `dict` of (row, column) to (image, heatmap, caption), as in
            `cam_gallery`; a cell without a case says "no such case".
        rows: Names of the rows, such as skin tones, in order.
        columns: Names of the columns, such as kinds of decision, in order.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there is no row or column, or a case belongs to none.
    """
    unknown = [key for key in cases if key[0] not in rows or key[1] not in columns]
    if unknown or not len(rows) or not len(columns):
        raise ValueError(
            "Cases need rows and columns to stand in. Received: "
            f"cases at {list(cases)}, rows {list(rows)}, columns {list(columns)}"
        )
    captions = [caption for *_, caption in cases.values()] or [""]
    n_lines = _text_lines(captions, 3.0)
    panels, figure = _photo_grid(len(rows), 2 * len(columns), n_lines + 1)
    for line, row in zip(panels, rows, strict=True):
        for pair, column in zip(line.reshape(-1, 2), columns, strict=True):
            head = f"{row}: {column}"
            if (row, column) in cases:
                image, heatmap, caption = cases[row, column]
                pair[0].imshow(_photo(image))
                _attention(pair[1], image, heatmap)
                head += "\n" + _wrap(caption, 3.0)
            else:
                _no_case(pair)
                head += "\n" * n_lines  # level with the heads beside it
            pair[0].set_title(head, loc="left", **_CAPTION)
    return figure


def _no_case(pair):
    for axes in pair:
        axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    pair[0].text(
        0, 0.5, "no such case", ha="left", va="center", style="italic", color=MUTED
    )


@_styled
def attention_columns(images, maps, captions=None):
    """One row an image: the photograph, then its attention by several accounts.

    Args:
        images: Sequence of images `(height, width, 3)`, uint8 or float in
            [0, 255].
        maps: `dict` of the column's name (a member, a stage) to one array `(h, w)`
            in [0, 1] an image, as in `cam_gallery`.
        captions: One text an image, written beside it.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: If the numbers of images, maps and captions differ.
    """
    captions = _captions(images, captions)
    counts = {name: len(heatmaps) for name, heatmaps in maps.items()}
    if not maps or set(counts.values()) != {len(images)}:
        raise ValueError(
            "Each image needs one map in every column. "
            f"Received: {len(images)} images, maps {counts}"
        )
    names = ["photograph", *maps]
    panels, figure = _photo_grid(
        len(images), len(names), _text_lines(names, 1.6) / len(images)
    )
    for row, image, caption in zip(panels, images, captions, strict=True):
        row[0].imshow(_photo(image))
        row[0].set_axis_on()
        row[0].set(xticks=[], yticks=[])
        row[0].spines[:].set_visible(False)
        row[0].set_ylabel(_wrap(caption, 1.6), fontsize=10)
    for column, heatmaps in zip(panels[:, 1:].T, maps.values(), strict=True):
        for axes, image, heatmap in zip(column, images, heatmaps, strict=True):
            _attention(axes, image, heatmap)
    for axes, name in zip(panels[0], names, strict=True):
        axes.set_title(_wrap(name, 1.6), **_CAPTION)
    return figure


def _attention(axes, image, heatmap):
    """Draw a photograph with the attention laid over it."""
    image = _photo(image)
    heatmap = np.clip(np.nan_to_num(np.asarray(heatmap, float)), 0, 1)
    axes.imshow(image)
    axes.imshow(
        heatmap,
        cmap="viridis",
        vmin=0,
        vmax=1,
        extent=(-0.5, image.shape[1] - 0.5, image.shape[0] - 0.5, -0.5),
        alpha=_opacity(heatmap),
        interpolation="bilinear",
    )


def _opacity(heatmap):
    """Opacity that lets the lesion show through even where attention is highest."""
    return 0.15 + 0.45 * heatmap


_CAPTION = {"fontsize": 10, "fontweight": "normal", "pad": 4}


def _captions(images, captions):
    if len(images) == 0:
        raise ValueError(f"At least one image is needed. Received: {images}")
    if captions is None:
        return [""] * len(images)
    if len(captions) != len(images):
        raise ValueError(
            "Each image needs one caption. "
            f"Received: {len(images)} images, {len(captions)} captions"
        )
    return [str(caption) for caption in captions]


def _photo_grid(lines, columns, text_lines):
    """Grid of axes without frames, 1.6 inch an image, room for the captions."""
    figure = Figure(
        figsize=(1.6 * columns + 0.3, lines * (1.62 + 0.19 * text_lines) + 0.1),
        layout="constrained",
    )
    panels = figure.subplots(lines, columns, squeeze=False)
    for axes in panels.ravel():
        axes.set_axis_off()
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)
    return panels, figure


def _wrap(text, inches):
    """Break `text` so that a line of 10-point type fits into `inches`."""
    width = int(inches * 12.5)
    return "\n".join(
        line
        for part in str(text).split("\n")
        for line in textwrap.wrap(part, width) or [""]
    )


def _text_lines(captions, inches):
    return max(_wrap(caption, inches).count("\n") + 1 for caption in captions)


def _photo(image):
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[-1] != 3:
        raise ValueError(
            f"An image must have the shape (height, width, 3). Received: {image.shape}"
        )
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _counts(table):
    values = table.to_numpy(float)
    if values.size == 0 or not (values >= 0).all():
        raise ValueError(
            "A table of counts must have cells, none negative or missing. "
            f"Received:\n{table}"
        )
    return values


def _need(frame, columns, name):
    missing = [column for column in columns if column not in frame]
    if missing:
        raise ValueError(
            f"Curve {name!r} lacks the columns {missing}. "
            f"Received: {list(frame.columns)}"
        )


def _cycle(values):
    while True:
        yield from values


def _table_axes(shape):
    rows, columns = shape
    figure = Figure(
        figsize=(max(0.64 * columns + 1.4, 4.5), 0.46 * rows + 1.5),
        layout="constrained",
    )
    return figure, figure.subplots()


def _heat(axes, values, norm):
    axes.imshow(values, cmap="Blues", norm=norm, aspect="auto")
    axes.set_xticks(np.arange(values.shape[1] + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(values.shape[0] + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def _write_cells(axes, texts, darkness, size=11):
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


def _outline(axes, row, column, **style):
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, **style))


def _name_cells(axes, rows, columns):
    names = [str(name) for name in columns]
    size = 9 if max(map(len, names)) > 10 else 10
    axes.set_xticks(range(len(names)), names, fontsize=size)
    axes.set_yticks(range(len(rows)), [str(name) for name in rows])
    if any(len(a) + len(b) > 16 for a, b in itertools.pairwise(names)):
        axes.tick_params(axis="x", labelrotation=90)
