"""What predict.py must know of a model beside its weights."""

from dataclasses import asdict

import numpy as np
from rich.progress import track

from keras_derm.catalog import ImageError, read_image
from keras_derm.evaluation import fit_conformal_by_colour, fit_shift_reference
from keras_derm.export.photograph_limits import (
    LEAST_PHOTOGRAPHS,
    fit_photograph_limits,
)

N_PHOTOGRAPHS = 500
UNSURE = 0.2
"""Share of the validation photographs that the model is called unsure of."""


def prediction_facts(task, val, val_prob, photographs, colour):
    """Facts that are written into the .json beside a model.

    Args:
        task: `Task` with the model's classes.
        val: `Catalog` of the validation images.
        val_prob: What the model says of them, `(n, n_classes)`.
        photographs: What `photograph_facts` returned.
        colour: Dict of `rule` and `thresholds` by which the audit measured ITA.

    Returns:
        Dict of `conformal`, thresholds of the prediction sets for each band of the
        photograph's colour (None where the validation images are too few); `shift`,
        what new photographs are compared with before these promise anything;
        `unsure_below`, the highest probability below which one in five validation
        photographs is, of which the model is called unsure;
        `photographs`; and `photograph_colour`.

    Example:
        >>> rule = {"rule": "quadrant", "thresholds": "del_bino"}
        >>> facts = prediction_facts(task, val, y_prob, photograph_facts(train), rule)
        >>> write_json("ensemble.json", json.loads(described) | facts)
    """
    sets = fit_conformal_by_colour(val, task, val_prob)
    told = dict(zip(task.classes, np.asarray(val_prob).T, strict=True))
    reference = fit_shift_reference(told | {"ita": val.table["ita"]})
    return {
        "conformal": None if sets is None else asdict(sets),
        "shift": asdict(reference),
        "unsure_below": unsure_below(val_prob),
        "photographs": photographs,
        "photograph_colour": colour,
    }


def unsure_below(y_prob):
    """Highest probability below which one in five photographs is, `(n, n_classes)`."""
    return float(np.quantile(np.max(y_prob, axis=1), UNSURE))


def photograph_facts(train):
    """Limits measured on original training photographs.

    Args:
        train: `Catalog` of the training images, whose paths are of the originals.

    Returns:
        The fields of `PhotographLimits`, or None where they are too few or no
        longer there, which the prepared images do without.
    """
    paths = np.array(train.paths)
    if len(paths) < LEAST_PHOTOGRAPHS:
        return None
    chosen = np.random.default_rng(0).permutation(paths)[:N_PHOTOGRAPHS]
    shown = track(chosen, "Limits of photographs", transient=True)
    try:
        return asdict(fit_photograph_limits(read_image(path) for path in shown))
    except ImageError as error:
        print(f"predict.py will not warn of odd photographs with this model: {error}")
        return None
