"""The columns of a csv of predictions: which is the id, and which a class."""

import numpy as np
import pandas as pd

from keras_derm.catalog.splits import ID_COLUMNS
from keras_derm.files import shown

CHALLENGE_NAMES = {"AKIEC": "AK", "SCCKA": "SCC"}
"""What the challenges call classes of ours."""

TOLD_BESIDE = (
    *(
        "diagnosis",
        "prediction_set",
        "coverage",
        "ita_type",
        "ita",
        "ita_low",
        "ita_high",
    ),
    *("ita_reason", "lesion_share", "outline", "warnings", "error"),
)
"""What predict.py writes beside the image and the probabilities."""

UNKNOWN_CLASS = "UNK"
"""The challenges' column for what is none of the classes, mostly zero."""


def id_column(frame):
    """Name of the column of ids, or None."""
    return next((name for name in ID_COLUMNS if name in frame), None)


def classes_of_columns(frame, classes, class_names):
    """Find which columns are probabilities of which class.

    A column is called as the class, in any case, or as the challenges call it; or
    `class_names` says so, also of several columns, which then add up.

    Args:
        frame: Table of text.
        classes: Class names.
        class_names: dict of their name -> the class that is meant.

    Returns:
        (meant, others, faults): dict of column -> class; the columns that could be
        classes too, as they hold probabilities; and sentences.
    """
    ours = {name.upper(): name for name in classes}
    faults = [
        f"class_names: {theirs!r} is no column and {mine!r} a class? The columns are "
        f"{shown(list(frame))}, the classes {list(classes)}"
        for theirs, mine in class_names.items()
        if theirs not in frame or mine not in classes
    ]
    meant, others, ignored = {}, [], []
    for column in frame:
        name = class_names.get(column, ours.get(column.upper()))
        name = name or ours.get(CHALLENGE_NAMES.get(column.upper(), ""))
        if name in classes:
            meant[column] = name
        elif _is_told_beside(column, frame):
            continue
        elif _may_be_a_class(frame[column]):
            others.append(column)
        else:
            ignored.append(column)
    given = [name for column, name in meant.items() if column not in class_names]
    faults += [
        f"column `{name}` is there more than once, under different names"
        for name in sorted({name for name in given if given.count(name) > 1})
    ]
    if ignored:
        faults.append(
            f"column(s) that are no class and hold no probabilities: {shown(ignored)}; "
            "leave them out"
        )
    return meant, others, faults


def _is_told_beside(column, frame):
    is_index = column.startswith("unnamed ")
    return column in (id_column(frame), *TOLD_BESIDE) or is_index


def _may_be_a_class(values):
    numbers = pd.to_numeric(values, errors="coerce")
    return bool(numbers.between(0, 1).all())


def told_of_others(others, classes, frame):
    """Say of columns of further classes what can be done, "" where all are zero."""
    unused = [name for name in others if name.upper() == UNKNOWN_CLASS]
    unused = [name for name in unused if not np.any(_numbers(frame[name]))]
    others = [name for name in others if name not in unused]
    if not others:
        return ""
    return (
        f"unknown classes {shown(others)}; the classes of the data and task are "
        f"{list(classes)}. Say which of these each is (--class_names.{others[0]} "
        f"{classes[0]}: probabilities of one class add up), or leave them out and "
        "scale the others to the sum 1 (--renormalise)"
    )


def _numbers(values):
    return pd.to_numeric(values, errors="coerce").fillna(1).to_numpy()
