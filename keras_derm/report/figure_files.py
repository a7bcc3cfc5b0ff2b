"""Figures as files of the run directory."""

from keras_derm.files import atomic_path
from keras_derm.report.html import Figure

DOTS_PER_INCH = 130


def save_figure(run, name, figure):
    """Write a matplotlib figure to figures/NAME.png of a run."""
    with atomic_path(run.figure(name)) as temporary:
        figure.savefig(temporary, dpi=DOTS_PER_INCH)


def figure_block(run, name, alt, caption=""):
    """Return figures/NAME.png of a run for its report, None where there is none."""
    path = run.figure(name)
    return Figure(path, alt, caption) if path.is_file() else None
