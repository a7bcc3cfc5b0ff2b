"""What several sections of the report read of a run, and its figures."""

import contextlib

import pandas as pd

from keras_derm import files
from keras_derm.files import DamagedFileError, atomic_path, shown
from keras_derm.report.html import Figure

DOTS_PER_INCH = 130


def read_json(path, app, needed=None):
    """Read a JSON file of a run.

    Args:
        path: The file.
        app: Name of the app that writes it.
        needed: As for `keras_derm.files.read_json`.

    Raises:
        FileNotFoundError: It is missing; the message names the app to run.
        DamagedFileError: It is damaged; the message says how it is written anew.
    """
    _check_there(path, app)
    return files.read_json(path, needed, _anew(app))


def read_csv(path, app, **options):
    """Read a csv of a run with `pandas.read_csv`; errors are those of `read_json`."""
    _check_there(path, app)
    try:
        return pd.read_csv(path, **options)
    except (ValueError, OSError) as error:
        raise DamagedFileError(
            f"{path} is damaged: {_anew(app)}. Received: {shown(str(error))[1:-1]}"
        ) from error


@contextlib.contextmanager
def damage_is_told(what):
    """Say which files a part of the report was made from, where it cannot be made.

    A file may be JSON or csv and still lack what it had: null, a number in place of a
    name, a column less.

    Args:
        what: Name of the part.

    Raises:
        DamagedFileError: In place of what was raised of the content of a file.
    """
    _read.clear()
    try:
        yield
    except DamagedFileError:
        raise
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        if not _read:
            raise
        ways = {app: path for path, app in _read.items()}
        raise DamagedFileError(
            f"{what} cannot be written, as one of {', '.join(map(str, _read))} is not "
            f"what it was: {' or '.join(map(_anew, ways))}. "
            f"Received: {type(error).__name__}: {shown(str(error))[1:-1]}"
        ) from error


_read = {}
"""Files that the part of the report read which is being made, with their apps."""


def _check_there(path, app):
    _read[path] = app
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; run apps/{app}.py first")


def _anew(app):
    record = f"{app}.ARM" if app == "train_classifier" else app
    return f"remove stages/{record}.json of the run and run apps/{app}.py again"


def read_metrics(run):
    """Read metrics.json of a run: a `Comparison` as dict, and what evaluate adds."""
    needed = ("arms", "reference", "positive", "chosen_arm")
    return read_json(run / "metrics.json", "evaluate", needed)


def read_metrics_table(run):
    """Read metrics.csv of a run: a row for each arm, stratum and metric."""
    return read_csv(run / "metrics.csv", "evaluate")


def chosen_arm(run, arm="chosen"):
    """Return `arm`, or for "chosen" the arm with the highest AUC on validation.

    Raises:
        ValueError: If `arm` was not judged.
    """
    metrics = read_metrics(run)
    if arm != "chosen" and arm not in metrics["arms"]:
        raise ValueError(
            f"`arm` must be chosen or an arm that was judged, {list(metrics['arms'])}. "
            f"Received: {arm!r}"
        )
    return metrics["chosen_arm"] if arm == "chosen" else arm


def positive_words(metrics):
    """Return the class that is to be found, in the singular and in the plural."""
    name = metrics["positive"]
    if name in ("MEL", "melanoma"):
        return "melanoma", "melanomas"
    return name, f"{name} lesions"


def listed(names):
    """Write names as a list in a sentence: "a, b and c"."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else str(last)


def save_figure(run, name, figure):
    """Write a matplotlib figure to figures/NAME.png of a run."""
    with atomic_path(run.figure(name)) as temporary:
        figure.savefig(temporary, dpi=DOTS_PER_INCH)


def figure_block(run, name, alt, caption=""):
    """Return figures/NAME.png of a run for its report, None where there is none."""
    path = run.figure(name)
    return Figure(path, alt, caption) if path.is_file() else None
