"""Rows of a paper's figures beside ours, and what they read of a run."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from rich.progress import track

from keras_derm.catalog import get_task
from keras_derm.classifiers import load_classifier
from keras_derm.classifiers.objective import as_probabilities
from keras_derm.evaluation import predictions_from_csv
from keras_derm.jobs.train_classifier import arm_examples
from keras_derm.pipeline import image_dataset
from keras_derm.report import interval_cell
from keras_derm.report.run_files import read_metrics
from keras_derm.settings import TrainClassifierSettings

NOTHING = "–"
"""Where a paper gives no figure, or nothing is to be corrected."""

NOT_RUN = "not run"


@dataclass(frozen=True)
class Row:
    """One figure of a paper.

    Attributes:
        place: Where it stands in the paper.
        what: What it is of.
        printed: What the paper prints.
        corrected: What it should have printed, where it erred and the rest of the paper
            tells it.
        ours: What the run found.

    Example:
        >>> Row("Table 1", "AUC of MelaNet", "0.8118", NOTHING, "0.80 (0.75 to 0.85)")
    """

    place: str
    what: str
    printed: str
    corrected: str = NOTHING
    ours: str = NOT_RUN


def judged(run):
    """What evaluate found, as a dict, or None where it was not run."""
    return read_metrics(run) if run.done("evaluate") else None


def metric(run, arm, name, decimals=3):
    """A figure of an arm on all real test images, with its 95 % interval, as text."""
    found = judged(run)
    if found is None or arm not in found["arms"]:
        return NOT_RUN
    value = found["arms"][arm]["strata"][0]["metrics"].get(name)
    if value is None:
        return "not judged"
    return interval_cell(value, decimals=decimals)


def test_counts(run, arm):
    """Dict from each class to its number of real test images, and how many are right.

    Empty where the arm was not judged.
    """
    found = judged(run)
    if found is None or arm not in found["arms"]:
        return {}
    confusion = np.asarray(found["arms"][arm]["confusion_matrix"])
    classes = found["arms"][arm]["classes"]
    return {
        name: (int(confusion[i].sum()), int(confusion[i, i]))
        for i, name in enumerate(classes)
    }


def first_member(run, arm):
    """Name of the network that stands first in an arm, or None without the arm."""
    if arm not in run.arms:
        return None
    return run.settings(TrainClassifierSettings, arm).members[0].backbone


def history(run, arm):
    """Training history of the first member of an arm, or None."""
    backbone = first_member(run, arm)
    if backbone is None:
        return None
    found = sorted(run.arm(arm).glob(f"{backbone.lower()}_*/history.csv"))
    return pd.read_csv(found[0]) if found else None


def kept_epoch(run, arm):
    """The line of the history whose epoch was kept, or None where there is none."""
    table = history(run, arm)
    if table is None:
        return None
    settings = run.settings(TrainClassifierSettings, arm)
    monitor = settings.optimization.monitor or "val_auc"
    scores = table[monitor]
    rising = monitor in ("val_auc", "val_accuracy")
    return table.loc[scores.idxmax() if rising else scores.idxmin()]


def predicted(run, arm, split):
    """What an arm says of the real images of a split, or None where it said nothing.

    Returns:
        Tuple of their rows, a `Catalog`, their classes and its probabilities.
    """
    path = run.arm(arm) / f"predictions/ensemble_{split}.csv"
    if arm not in run.arms or not path.is_file():
        return None
    task = get_task(run.settings(TrainClassifierSettings, arm).task)
    task = task.learnable_from(run.catalog.split("train"))
    rows = run.catalog.where(task.covers(run.catalog)).split(split)
    if not len(rows):
        return None
    return rows, task.targets(rows), predictions_from_csv(path, rows, task.classes)


def said_of_what_it_learned(run, arm):
    """What an arm says of the images that it learned from, as they are prepared.

    It is no judgement of the arm, and stands here because papers print it. Real images
    and those that were added are kept apart.

    Returns:
        Dict from "real", and "added" where there are any, to a tuple of their classes
        and its probabilities. Empty where the arm was not trained.
    """
    path = run.arm(arm) / "ensemble.keras"
    if arm not in run.arms or not path.is_file():
        return {}
    settings = run.settings(TrainClassifierSettings, arm)
    examples = arm_examples(run, run.arm(arm), settings)
    model, n_real = load_classifier(path), examples.n_real
    batches = image_dataset(
        examples.prepared, examples.indices, image_size=model.input_shape[1:3]
    )
    shown = track(batches, f"What {arm} learned from", total=len(batches))
    probabilities = as_probabilities(
        np.concatenate([model.predict_on_batch(images) for images, *_ in shown])
    )
    parts = {"real": slice(None, n_real), "added": slice(n_real, None)}
    return {
        name: (examples.targets[part], probabilities[part])
        for name, part in parts.items()
        if len(examples.targets[part])
    }


def span(values, decimals=2):
    """ "least to greatest" of a series, as text."""
    return f"{values.min():.{decimals}f} to {values.max():.{decimals}f}"
