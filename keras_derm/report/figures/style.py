"""The look of every figure: colours, type, and what tells one curve from another."""

import functools
from itertools import cycle

import matplotlib
from matplotlib.figure import Figure

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
# Their whole palette and a grey, for as many diagnoses.
DIAGNOSIS_COLORS = (*COLORS, "#F0E442", "#000000", "#888888")
INK = "#1c2430"
MUTED = "#5b6573"
GRID = "#e3e6ea"
LINES = ("-", "--", "-.", ":")
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


def styled(function):
    """Draw with the report's style and leave the caller's settings alone."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        with matplotlib.rc_context({**matplotlib.rcParamsDefault, **STYLE}):
            return function(*args, **kwargs)

    return wrapper


def panels(n, columns, width, height, margin=0.0):
    """Figure with `n` axes of that size in inches, in rows of at most `columns`."""
    columns = min(columns, n)
    lines = -(-n // columns)
    size = width * columns + margin, height * lines
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for surplus in axes[n:]:
        surplus.remove()
    return figure, axes[:n]


def distinguished(curves, marks=LINES):
    """Give every curve a colour, and a line style or marker that says the same.

    Args:
        curves: `dict` of name to curve; the same place gets the same colour in every
            figure, so name arms in the same order.
        marks: Line styles or markers.

    Yields:
        Tuple of name, curve, colour and mark.
    """
    for (name, curve), color, mark in zip(
        curves.items(), cycle(COLORS), cycle(marks), strict=False
    ):
        yield name, curve, color, mark
