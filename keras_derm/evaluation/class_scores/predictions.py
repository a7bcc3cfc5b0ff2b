"""Predictions made anywhere, brought in line with a catalog of real images."""

from pathlib import Path

import numpy as np
import pandas as pd

from keras_derm.catalog import CatalogError, group_ids
from keras_derm.catalog.photograph_ids import match_ids
from keras_derm.catalog.splits import ID_COLUMNS
from keras_derm.catalog.text_tables import read_table
from keras_derm.evaluation.class_scores.axes import catalog_axes, catalog_mix
from keras_derm.evaluation.class_scores.metrics import operating_points, sums_to_one
from keras_derm.evaluation.class_scores.prediction_columns import (
    classes_of_columns,
    id_column,
    told_of_others,
)
from keras_derm.evaluation.class_scores.subgroups import TONE
from keras_derm.files import short_digest, shown, write_csv

SHOWN = 5


class PredictionsError(ValueError):
    """A predictions file does not fit the catalog; the message lists every fault.

    Example:
        >>> try:
        ...     predictions_from_csv("a.csv", catalog, classes)
        ... except PredictionsError as error:
        ...     print(error)
    """


def predictions_from_csv(
    path, catalog, classes, class_names=None, renormalise=False, others=None
):
    """Read a csv of one probability column per class and order it as the catalog.

    What `predict.py` writes and the challenges take is read too: photographs named by
    path or file, AKIEC for AK, a column UNK of zeros. Of two classes one is enough.

    Args:
        path: csv with a header: `isic_id` (or `image`, `image_id`, `image_name`) and
            one column for each class, by name, in any order; probabilities in [0, 1]
            that sum to 1 within 0.01.
        catalog: `Catalog` of the real images that were predicted.
        classes: class names; no column of another name may hold probabilities.
        class_names: dict of their name of a class -> ours; where several mean one,
            their probabilities are added.
        renormalise: leave out further classes, and scale the others to the sum 1.
        others: `Catalog` of all images that the csv may be about, of which those that
            are not in `catalog` are passed over.

    Returns:
        float64 array of shape `(len(catalog), len(classes))`, rows in the order of
        the catalog, columns in the order of `classes`.

    Raises:
        PredictionsError: listing every fault: missing and unknown columns,
            duplicate, unknown and missing ids, and rows (numbered as lines of the
            file, from 1) that hold no number, a number outside [0, 1], or do not sum
            to 1.
        FileNotFoundError: if there is no such file.
        ValueError: if the catalog holds a synthetic image.
    """
    catalog.require_real()
    classes, class_names = list(classes), class_names or {}
    frame = _read(path)
    meant, further, faults = classes_of_columns(frame, classes, class_names)
    missing = [name for name in classes if name not in meant.values()]
    told = "" if renormalise else told_of_others(further, classes, frame)
    one_of_two = len(classes) == 2 and len(missing) == 1 and not told
    if not one_of_two:
        faults = [f"column `{name}` is missing" for name in missing] + faults
    faults += [told] if told else []
    by = id_column(frame)
    if by is None:
        named = ", ".join(f"`{name}`" for name in ID_COLUMNS)
        _raise(path, [f"column `isic_id` is missing (or one of {named})", *faults])
    ids, elsewhere = _ids(frame[by], catalog, others)
    frame, ids = frame[~elsewhere], ids[~elsewhere]
    known = [str(one) for one in catalog.table["isic_id"]]
    faults += _id_faults(ids, known)
    meant = dict(sorted(meant.items(), key=lambda item: classes.index(item[1])))
    written = frame[list(meant)]
    numbers = written.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    y_prob = np.stack(
        [numbers[:, [meant[c] == name for c in meant]].sum(axis=1) for name in classes],
        axis=1,
    )
    if one_of_two:
        y_prob[:, classes.index(missing[0])] = 1 - y_prob.sum(axis=1)
    complete = not missing or one_of_two
    if renormalise and complete:
        y_prob = _scaled(y_prob)
    _raise(path, faults + _row_faults(ids, numbers, y_prob, written, complete))
    row = pd.Series(np.arange(len(ids)), index=ids.to_numpy())
    return y_prob[row.loc[known].to_numpy()]


def _ids(written, catalog, others):
    """Ids of the rows, and which are of images that are not asked about."""
    everything = catalog if others is None else others
    ids = match_ids(written, everything.table).fillna(written.str.strip())
    known = ids.isin(everything.table["isic_id"])
    return ids, known & ~ids.isin(catalog.table["isic_id"])


def _scaled(y_prob):
    """Rows with the sum 1; one in which all is zero stays, and is a fault."""
    totals = y_prob.sum(axis=1, keepdims=True)
    return np.divide(y_prob, totals, where=totals > 0, out=y_prob.copy())


def inputs_from_catalog(catalog, task, strata=(TONE,), contrast_edges=None):
    """Take from a catalog of real images what `evaluate` and `compare` need.

    Args:
        catalog: `Catalog` of the real images that were predicted.
        task: `Task` whose classes the predictions are about.
        strata: axes to judge by, as in `catalog_axes`; those that the catalog lacks
            are left out. `AXES` are all.
        contrast_edges: what `contrast_edges` found on the training and validation
            images, for the axis `contrast_band`.

    Returns:
        A dict of `y_true`, `classes`, `groups`, `strata`, `positive` and `mix`, to be
        passed on as `evaluate(y_prob=y_prob, **inputs)`.

    Raises:
        ValueError: if the catalog holds a synthetic image, or the task lacks its
            positive class.
    """
    catalog.require_real()
    if task.positive_class is None:
        raise ValueError(
            f"the task {task.name} cannot be judged without the class that is to be "
            f"found. Received: classes {task.classes}"
        )
    return {
        "y_true": np.asarray(task.targets(catalog)),
        "classes": tuple(task.classes),
        "groups": np.asarray(group_ids(catalog)),
        "strata": catalog_axes(catalog.table, strata, contrast_edges),
        "positive": task.classes[task.positive_class],
        "mix": catalog_mix(catalog.table),
    }


def predictions_to_csv(path, catalog, y_prob, classes):
    """Write what `predictions_from_csv` reads, and returns as `y_prob`."""
    frame = pd.DataFrame(y_prob, columns=list(classes))
    frame.insert(0, "isic_id", catalog.table["isic_id"].to_numpy())
    write_csv(path, frame)


def judged_rows(catalog):
    """Take the test split of a `Catalog`, or all of it where it is not split.

    Raises:
        ValueError: if the catalog is split and has no test part.
    """
    if catalog.table["split"].isna().all():
        return catalog
    test = catalog.split("test")
    if not len(test):
        present = catalog.table["split"].value_counts().to_dict()
        raise ValueError(
            "the data is split, and no image that the task covers is in test: give "
            f"--data a catalog that has one, or one without splits. Received: {present}"
        )
    return test


def task_thresholds(task, y_true, y_prob):
    """Thresholds of a task's positive class as `operating_points`; {} without any."""
    is_positive = y_true == task.positive_class
    if not is_positive.any():
        return {}
    return operating_points(is_positive, y_prob[:, task.positive_class])


def thresholds_beside(files, val, task, **options):
    """Find thresholds on val from the files that lie beside those of test.

    Args:
        files: dict from arm to a list of `Path`, one for each seed, of predictions of
            test images: a_test.csv is beside a_val.csv.
        val: `Catalog` of the validation images.
        task: `Task` whose classes the predictions are about.
        **options: As `predictions_from_csv` takes them.

    Returns:
        Operating points for `compare`, or None where a file has no other beside it.
    """
    beside = {
        arm: [
            path.with_name(f"{path.name.removesuffix('_test.csv')}_val.csv")
            for path in paths
        ]
        for arm, paths in files.items()
    }
    if not all(path.is_file() for paths in beside.values() for path in paths):
        return None
    truth = task.targets(val)
    return {
        arm: [
            task_thresholds(
                task, truth, predictions_from_csv(path, val, task.classes, **options)
            )
            for path in paths
        ]
        for arm, paths in beside.items()
    }


def check_prediction_files(files):
    """Refuse files that are missing, and copies that would pass for other seeds.

    Args:
        files: dict from arm to a list of `Path`, one for each seed.

    Raises:
        FileNotFoundError: naming every file that is missing.
        ValueError: if two files of an arm hold the same.
    """
    every = [path for paths in files.values() for path in paths]
    missing = [str(path) for path in every if not path.is_file()]
    if missing:
        raise FileNotFoundError(f"no such predictions: {', '.join(missing)}")
    for arm, paths in files.items():
        contents = [short_digest(path.read_bytes()) for path in paths]
        pairs = zip(paths, contents, strict=True)
        same = [str(path) for path, content in pairs if contents.count(content) > 1]
        if same:
            raise ValueError(
                "each seed needs predictions of its own: copies would pass for seeds "
                f"that agree. Received the same of {arm}: {', '.join(same)}"
            )


def _read(path):
    """Read the csv as text, indexed by line of the file."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"no such predictions. Received: {path}")
    try:
        return read_table(path, dtype=str).fillna("").astype(str)
    except CatalogError as error:
        raise PredictionsError(str(error)) from error


def _raise(path, faults):
    if faults:
        raise PredictionsError(
            f"{path} does not fit the catalog:\n  " + "\n  ".join(faults)
        )


def _id_faults(ids, known):
    repeated = ids.duplicated(keep=False).to_numpy()
    faults = _fault("isic_id given more than once", _lines(ids, repeated))
    unknown = ~ids.isin(set(known)).to_numpy()
    faults += _fault("isic_id not in the catalog", _lines(ids, unknown))
    present = set(ids)
    missing = [one for one in known if one not in present]
    return faults + _fault("images of the catalog without a prediction", missing)


def _row_faults(ids, numbers, y_prob, written, complete):
    without_number = np.isnan(numbers)
    faults = _fault("not a number", _cells(ids, written, without_number))
    outside = (numbers < 0) | (numbers > 1)
    faults += _fault("probability outside [0, 1]", _cells(ids, written, outside))
    if not complete:
        return faults
    totals = y_prob.sum(axis=1)
    sound = ~(without_number | outside).any(axis=1)
    off = sound & ~sums_to_one(y_prob)
    named = [
        f"line {ids.index[row]} ({shown(ids.iloc[row], 60)[1:-1]}: {totals[row]:.4g})"
        for row in np.flatnonzero(off)
    ]
    return faults + _fault("probabilities do not sum to 1", named)


def _cells(ids, written, mask):
    return [
        f"line {ids.index[row]} ({shown(ids.iloc[row], 60)[1:-1]}, "
        f"{written.columns[column]}={shown(written.iloc[row, column], 60)})"
        for row, column in np.argwhere(mask)
    ]


def _lines(ids, mask):
    return [
        f"line {ids.index[row]} ({shown(ids.iloc[row], 60)[1:-1]})"
        for row in np.flatnonzero(mask)
    ]


def _fault(what, rows):
    if not rows:
        return []
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return [f"{what}: {', '.join(rows[:SHOWN])}{more}"]
