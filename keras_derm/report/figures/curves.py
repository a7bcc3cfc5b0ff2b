"""Curves of any number of arms: ROC, reliability, net benefit, deletion."""

import textwrap

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from keras_derm.report.figures.style import LINES, MUTED, distinguished, styled


@styled
def roc(curves, title="Receiver operating characteristic") -> Figure:
    """Receiver operating characteristic, with intervals where they are given.

    Args:
        curves: `dict` of legend text (put the area and its interval there) to
            `pandas.DataFrame` with the columns `specificity` and `sensitivity` in
            [0, 1], and optionally `low` and `high`, the interval of sensitivity.
        title: Title of the figure.

    Raises:
        ValueError: If a column is missing.
    """
    figure, axes = _unit_square(
        title, "1 − specificity (share of false alarms)", "Sensitivity"
    )
    axes.plot([0, 1], [0, 1], ":", color=MUTED, linewidth=1.2)
    for name, curve, color, style in _with_columns(
        curves, ("specificity", "sensitivity")
    ):
        false_alarms = 1 - curve["specificity"]
        axes.plot(false_alarms, curve["sensitivity"], style, color=color, label=name)
        if {"low", "high"} <= set(curve.columns):
            axes.fill_between(
                false_alarms, curve["low"], curve["high"], color=color, alpha=0.18
            )
    figure.legend(loc="outside lower left", fontsize=10)
    return figure


@styled
def reliability(curves, title="Reliability") -> Figure:
    """Predicted probability against how often it came true.

    Args:
        curves: `dict` of name to `pandas.DataFrame`, one row a bin, columns
            `confidence` (mean predicted probability), `accuracy` (share that came
            true), both in [0, 1].
        title: Title of the figure.

    Raises:
        ValueError: If a column is missing.
    """
    figure, axes = _unit_square(title, "Predicted probability", "Share that came true")
    axes.plot([0, 1], [0, 1], ":", color=MUTED, label="perfectly calibrated")
    columns = ("confidence", "accuracy")
    for name, curve, color, marker in _with_columns(curves, columns, "os^D"):
        style = {"color": color, "marker": marker, "label": name}
        axes.plot(curve["confidence"], curve["accuracy"], **style)
    figure.legend(loc="outside lower left", fontsize=10)
    return figure


@styled
def net_benefit(curves, title="Net benefit") -> Figure:
    """Decision curves: what acting on a model gains over acting on all or nobody.

    Args:
        curves: `dict` of name to `pandas.DataFrame` as `evaluation.decision_curve`
            returns it: columns `threshold`, `net_benefit`, `low`, `high` and
            `treat_all`, the last the same for all models.
        title: Title of the figure.

    Raises:
        ValueError: If there is no curve or a column is missing.
    """
    if not curves:
        raise ValueError(f"`curves` must name at least one. Received: {curves}")
    figure, axes = _axes(
        (5.9, 4.6),
        title,
        "Probability from which a reader would act",
        "Net benefit (true positives an image)",
    )
    columns = ("threshold", "net_benefit", "low", "high", "treat_all")
    for name, curve, color, style in _with_columns(curves, columns):
        at = curve["threshold"]
        axes.plot(at, curve["net_benefit"], style, color=color, label=name)
        axes.fill_between(at, curve["low"], curve["high"], color=color, alpha=0.18)
    axes.plot(at, curve["treat_all"], color=MUTED, linewidth=1.2, label="act on all")
    axes.axhline(0, linestyle=":", color=MUTED, linewidth=1.2, label="act on nobody")
    highest = max(frame["high"].max() for frame in curves.values())
    axes.set(ylim=(-0.25 * highest, 1.1 * highest), xlim=(at.min(), at.max()))
    figure.legend(loc="outside lower left", fontsize=10, ncols=2)
    return figure


@styled
def deletion_curves(curves, title="When the attended pixels are replaced") -> Figure:
    """Probability of the explained class while its pixels are replaced.

    Args:
        curves: `dict` of legend text to an array `(n, n_steps + 1)` in [0, 1], one
            curve a case, as `explain.deletion_curve` gives them. Drawn are the mean
            and, shaded, the middle half of the cases.
        title: Title of the figure.

    Raises:
        ValueError: If there is no curve or one has another shape.
    """
    shapes = {name: np.shape(curve) for name, curve in curves.items()}
    if not curves or any(len(shape) != 2 or shape[1] < 2 for shape in shapes.values()):
        raise ValueError(
            f"Curves must have the shape (n, n_steps + 1). Received: {shapes}"
        )
    figure, axes = _axes(
        (5.6, 4.6),
        textwrap.fill(title, 48),
        "Share of the pixels replaced",
        "Probability of the explained class",
    )
    for name, curve, color, style in distinguished(curves):
        curve = np.asarray(curve, float)
        share = np.linspace(0, 1, curve.shape[1])
        low, high = np.quantile(curve, [0.25, 0.75], axis=0)
        axes.plot(share, curve.mean(axis=0), style, color=color, label=name)
        axes.fill_between(share, low, high, color=color, alpha=0.15, linewidth=0)
    axes.set(xlim=(0, 1), ylim=(0, 1.01))
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    figure.legend(loc="outside lower left", fontsize=10)
    return figure


def _axes(size, title, xlabel, ylabel):
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    return figure, axes


def _unit_square(title, xlabel, ylabel):
    """Axes from 0 to 1 in both directions, for shares and probabilities."""
    figure, axes = _axes((5.6, 5.8), title, xlabel, ylabel)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    return figure, axes


def _with_columns(curves, columns, marks=LINES):
    """The curves as `distinguished`, each of which must have these columns."""
    for name, frame, color, mark in distinguished(curves, marks):
        missing = [column for column in columns if column not in frame]
        if missing:
            raise ValueError(
                f"Curve {name!r} lacks the columns {missing}. "
                f"Received: {list(frame.columns)}"
            )
        yield name, frame, color, mark
