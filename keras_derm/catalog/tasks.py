"""Tasks: from diagnoses to the classes a classifier learns."""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from keras_derm.catalog.catalog import (
    BENIGN_MALIGNANT,
    DIAGNOSES,
    DIAGNOSES8,
    DIAGNOSES11,
)
from keras_derm.catalog.faults import CatalogError

MELANOCYTIC = ("MEL", "NV")
POSITIVE = ("MEL", "melanoma", "melanocytic", "malignant")


@dataclass(frozen=True)
class Task:
    """A classification task over the diagnoses of a catalog.

    Attributes:
        name: The task's name.
        classes: Class names, a tuple of str; the index is the target.
        positive_class: Index of the class whose sensitivity is the headline (melanoma,
            the melanocytic or the malignant class), or None where the task does not
            have it.

    Example:
        >>> task = get_task("melanoma")
        >>> targets = task.targets(catalog.where(task.covers(catalog)))
    """

    name: str
    classes: tuple
    class_of_diagnosis: dict = field(repr=False)
    class_of_benign: str | None = field(default=None, repr=False)
    by_malignancy: bool = field(default=False, repr=False)

    @property
    def positive_class(self):
        found = [name in POSITIVE for name in self.classes]
        return found.index(True) if any(found) else None

    def class_names(self, catalog):
        """Return the class name of each row, None where the task has none for it."""
        table = catalog.table
        names = table["diagnosis"].map(self.class_of_diagnosis).astype(object)
        if self.class_of_benign is not None:
            benign = (table["diagnosis"] == "UNK") & (
                table["benign_malignant"] == "benign"
            ).fillna(False)
            names[benign.to_numpy(dtype=bool)] = self.class_of_benign
        if self.by_malignancy:  # what the archive says of the lesion goes first
            names = table["benign_malignant"].astype(object).fillna(names)
        return names.where(names.isin(self.classes), None).to_numpy()

    def covers(self, catalog):
        """Return a bool array, shape (n,): which rows have a class in this task."""
        return pd.notna(self.class_names(catalog))

    def targets(self, catalog):
        """Return the target of each row.

        Args:
            catalog: A `Catalog`.

        Returns:
            int64 array, shape (n,), values in [0, len(classes)).

        Raises:
            CatalogError: If a row has no class in this task.
        """
        names = self.class_names(catalog)
        lost = pd.isna(names)
        if lost.any():
            rows = catalog.where(lost).table
            counts = rows["diagnosis"].value_counts().to_dict()
            raise CatalogError(
                f"Task {self.name!r} with classes {self.classes} has no class for "
                f"{lost.sum()} of {len(names)} images, by diagnosis {counts}. Leave "
                "them out with `catalog.where(task.covers(catalog))`. "
                f"Received: {rows['isic_id'].head(5).tolist()}"
            )
        return np.array([self.classes.index(name) for name in names], dtype=np.int64)

    def present_in(self, catalog):
        """Return this task with only the classes that occur in `catalog`."""
        present = set(self.class_names(catalog))
        return replace(self, classes=tuple(c for c in self.classes if c in present))

    def learnable_from(self, catalog, to_be_judged=False):
        """Return this task with the classes of `catalog`, if it can be learned from it.

        Args:
            catalog: `Catalog` of the images that are learned from.
            to_be_judged: Whether there must be images of the class that is to be found,
                without which nothing can be judged.

        Raises:
            CatalogError: The images are of one class alone, or none is of the class
                that is to be found; the message names tasks that they would do for.
        """
        present = self.present_in(catalog)
        lacks = None
        if len(present.classes) < 2:
            lacks = "must be of two of these or more"
        elif to_be_judged and present.positive_class is None:
            lacks = f"must be of {self.classes[self.positive_class]} too"
        if lacks is None:
            return present
        found = catalog.table["diagnosis"].value_counts()
        others = [
            task.name
            for task in TASKS.values()
            if task.name != self.name and task._does_for(catalog)
        ]
        way_out = (
            f"They would do for --task {' or '.join(others)}"
            if others
            else "Add images of another class"
        )
        counts = ", ".join(f"{n:,} {name}" for name, n in found.items())
        raise CatalogError(
            f"The task {self.name} tells apart {', '.join(self.classes)}, and the real "
            f"training images {lacks}. {way_out}. Received: {counts or 'none'}, of "
            f"which the classes {', '.join(present.classes) or 'none'}"
        )

    def _does_for(self, catalog):
        present = self.present_in(catalog)
        return len(present.classes) > 1 and present.positive_class is not None


TASKS = {
    "diagnosis8": Task("diagnosis8", DIAGNOSES8, {name: name for name in DIAGNOSES8}),
    "melanoma": Task(
        "melanoma",
        ("not_melanoma", "melanoma"),
        {name: "not_melanoma" for name in DIAGNOSES8} | {"MEL": "melanoma"},
        class_of_benign="not_melanoma",
    ),
    "melanocytic": Task(
        "melanocytic",
        ("not_melanocytic", "melanocytic"),
        {
            name: "melanocytic" if name in MELANOCYTIC else "not_melanocytic"
            for name in DIAGNOSES8
        },
    ),
    # For archives that know no more. What is indeterminate has no class.
    "benign_malignant": Task(
        "benign_malignant",
        ("benign", "malignant"),
        BENIGN_MALIGNANT,
        by_malignancy=True,
    ),
    # Of ISIC 2025, MILK10k.
    "diagnosis11": Task(
        "diagnosis11", DIAGNOSES11, {name: name for name in DIAGNOSES11}
    ),
}


def check_any_task(catalog):
    """Refuse images from which no task can be learned: they are of one class alone.

    Raises:
        CatalogError: With the diagnoses that there are.
    """
    if not any(len(task.present_in(catalog).classes) > 1 for task in TASKS.values()):
        TASKS["diagnosis8"].learnable_from(catalog)


def get_task(name):
    """Return the `Task` called `name`, one of `TASKS`."""
    if name not in TASKS:
        raise CatalogError(f"`name` must be one of {list(TASKS)}. Received: {name!r}")
    return TASKS[name]


def of_diagnosis(catalog, name):
    """Which rows are of a diagnosis, or of a class that a task makes of several.

    Args:
        catalog: A `Catalog`.
        name: One of `DIAGNOSES`, or a class of a task, such as "melanocytic" or
            "benign"; of these, what the archive says of the lesion goes first.

    Returns:
        bool array, shape (n,).

    Raises:
        CatalogError: If there is no such diagnosis or class.
    """
    if name in DIAGNOSES:
        return (catalog.table["diagnosis"] == name).to_numpy(bool)
    for task in TASKS.values():
        if name in task.classes:
            return task.class_names(catalog) == name
    groups = [c for task in TASKS.values() for c in task.classes if c not in DIAGNOSES]
    raise CatalogError(
        f"a diagnosis is one of {', '.join(DIAGNOSES)}, or a class of a task: "
        f"{', '.join(groups)}. Received: {name!r}"
    )
