"""Losses and metrics over the epochs of training."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from keras_derm.report.figures.style import GRID, MUTED, distinguished, panels, styled


@styled
def training_curves(histories, metrics=None) -> Figure:
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
    known = {name for history in histories.values() for name in history}
    unknown = [name for name in metrics if name not in known]
    if not metrics or unknown:
        raise ValueError(
            f"No history has the metrics {unknown or 'to draw'}. Received: histories "
            f"{ {name: list(frame.columns) for name, frame in histories.items()} }"
        )
    figure, places = panels(len(metrics), 2, 4.4, 3.1, margin=0.6)
    for axes, metric in zip(places, metrics, strict=True):
        for _, history, color, _ in distinguished(histories):
            _curve(axes, history, metric, color)
        title = metric.replace("val_", "validation ").replace("auc", "AUC")
        axes.set(title=title.replace("_", " "), xlabel="Epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(axis="y", color=GRID, linewidth=0.8)
    keys = [
        Line2D([], [], color=color, linewidth=4, label=name)
        for name, _, color, _ in distinguished(histories)
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
