"""What several sections of the report read of a run, and its figures."""

import json

import pandas as pd

from keras_derm.files import atomic_path
from keras_derm.report.html import Figure

DOTS_PER_INCH = 130


def read_json(path, app):
    """Read a JSON file of a run; raise `FileNotFoundError` naming the app to run."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; run apps/{app}.py first")
    return json.loads(path.read_text())


def read_metrics(run):
    """Read metrics.json of a run: a `Comparison` as dict, and what evaluate adds."""
    return read_json(run / "metrics.json", "evaluate")


def read_metrics_table(run):
    """Read metrics.csv of a run: a row for each arm, stratum and metric."""
    return pd.read_csv(run / "metrics.csv")


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
