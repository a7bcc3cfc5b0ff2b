"""Figures as files of the run directory."""

from keras_derm.files import atomic_path

DOTS_PER_INCH = 130


def save_figure(run, name, figure):
    """Write a matplotlib figure to `figures/<name>.png` of the run."""
    with atomic_path(run / f"figures/{name}.png") as temporary:
        figure.savefig(temporary, dpi=DOTS_PER_INCH)


def figure_block(run, name, alt, caption=""):
    """The figure `name` of a run for its report, or None where there is none."""
    from keras_derm.report import Figure

    path = run / f"figures/{name}.png"
    return Figure(path, alt, caption) if path.is_file() else None
