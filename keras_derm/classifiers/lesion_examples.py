"""What a network of lesions learns from, and how it is trained on it."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_derm.catalog import Lesions, Task
from keras_derm.classifiers.imbalance import LogitAdjustedCrossentropy
from keras_derm.classifiers.lesion_network import (
    GIVEN,
    IMAGE_INPUTS,
    TABLE,
    build_lesion_network,
)
from keras_derm.classifiers.lesion_table import LesionTable
from keras_derm.classifiers.objective import as_probabilities, classification_objective
from keras_derm.layers import augmentation
from keras_derm.pipeline import PreparedImages, image_dataset
from keras_derm.training import default_strategy, fit, predict

FLIPS = ((), (2,), (1,), (1, 2))
"""Axes along which images are turned over, for each view at inference."""


@dataclasses.dataclass(frozen=True)
class LesionExamples:
    """Lesions of a task with their prepared photographs and their table.

    Attributes:
        lesions: `Lesions`, split, all of them covered by the task.
        task: `Task` with the classes that training lesions have.
        prepared: `PreparedImages` of their photographs.
        table: `LesionTable`, fitted on the training lesions, or None.

    Example:
        >>> examples = LesionExamples.of(catalog, task, prepared, ["age_approx", "sex"])
        >>> network = train_lesion_network(examples, settings, inputs, "training")
    """

    lesions: Lesions
    task: Task
    prepared: PreparedImages
    table: LesionTable | None

    @classmethod
    def of(cls, catalog, task, prepared, columns=(), photograph_columns=()):
        """Choose what a task can learn from a catalog.

        Args:
            catalog: `Catalog` of real photographs, split.
            task: `Task`.
            prepared: `PreparedImages` of these.
            columns, photograph_columns: As `LesionTable.fit` takes them; without any
                there is no table.

        Raises:
            CatalogError: The training lesions are of one class alone.
            ValueError: As `LesionTable.fit`.
        """
        lesions = Lesions.of(catalog, tuple(IMAGE_INPUTS.values()))
        present = task.learnable_from(lesions.split("train").catalog)
        lesions = lesions.where(present.covers(lesions.catalog))
        table = None
        if columns or photograph_columns:
            train = lesions.split("train")
            table = LesionTable.fit(train, columns, photograph_columns)
        return cls(lesions, present, prepared, table)

    def split(self, name):
        """The same of one split alone."""
        return dataclasses.replace(self, lesions=self.lesions.split(name))

    def __len__(self):
        return len(self.lesions)

    @property
    def targets(self):
        """Classes of the lesions, int64 `(n,)`."""
        return self.task.targets(self.lesions.catalog)

    @property
    def table_width(self):
        """Numbers that the table has of a lesion, or None without a table."""
        return None if self.table is None else self.table.width

    def given(self, inputs):
        """Which inputs are there, float32 `(n, inputs)`.

        A table is there where anything in it is known.
        """
        encoded = None if self.table is None else self.table.encode(self.lesions)
        columns = [
            encoded.any(axis=1)
            if name == TABLE
            else self.lesions.rows[IMAGE_INPUTS[name]] >= 0
            for name in inputs
        ]
        return np.column_stack(columns).astype("float32")

    def batches(self, inputs, *columns, withheld=(), augmentations=None, **options):
        """Batches of what a network of lesions takes, beside their targets.

        Args:
            inputs: Names of `LESION_INPUTS`, as the network has them.
            *columns: Arrays of length n that go along.
            withheld: Names of inputs that are passed off as not there.
            augmentations: dict from input to `keras_derm.layers.Augmentation`, or None.
            **options: As `image_dataset` takes them.

        Returns:
            `tf.data.Dataset` of tuples `(dict of inputs, *columns)`.
        """
        given = self.given(inputs)
        given[:, [name in withheld for name in inputs]] = 0
        along = {GIVEN: given}
        if TABLE in inputs:
            along[TABLE] = self.table.encode(self.lesions)
        images = [name for name in inputs if name in IMAGE_INPUTS]
        # Each has the order that seed and length decide, which is the same for all.
        datasets = [
            image_dataset(
                self.prepared,
                self.positions(name),
                *(columns + tuple(along.values()) if number == 0 else ()),
                augmentation=(augmentations or {}).get(name),
                **options,
            )
            for number, name in enumerate(images)
        ]

        def joined(first, *others):
            taken = {images[0]: first[0]}
            taken |= {n: one[0] for n, one in zip(images[1:], others, strict=True)}
            _, *rest = first
            taken |= dict(zip(along, rest[len(columns) :], strict=True))
            return taken, *rest[: len(columns)]

        return tf.data.Dataset.zip(tuple(datasets)).map(joined)

    def positions(self, name):
        """Positions of the photographs of one input in `prepared`, int `(n,)`.

        Where a lesion has no such photograph, it is that of any.
        """
        rows = np.maximum(self.lesions.rows[IMAGE_INPUTS[name]], 0)
        return self.prepared.indices(self.lesions.photographs)[rows]


def train_lesion_network(examples, settings, inputs, folder):
    """Train a network of lesions, or go on with its training.

    Args:
        examples: `LesionExamples` of all splits.
        settings: `TrainLesionClassifierSettings`.
        inputs: Names of `LESION_INPUTS` that it has.
        folder: Folder of the training.

    Returns:
        The `keras.Model` of the best epoch on val.
    """
    keras.utils.set_random_seed(settings.seed)
    train, val = examples.split("train"), examples.split("val")
    n_classes, targets = len(examples.task.classes), train.targets
    with default_strategy().scope():
        model = build_lesion_network(
            inputs,
            n_classes,
            settings.backbone,
            examples.prepared.image_size[0],
            settings.weights,
            table_width=examples.table_width,
            hidden_units=settings.hidden_units,
            table_units=settings.table_units,
            dropout=settings.dropout,
            absence_rate=settings.absence_rate,
            frozen_until=settings.frozen_until,
            seed=settings.seed,
        )
    order = {
        "batch_size": settings.batch_size,
        "shuffle": True,
        "repeat": True,
        "seed": settings.seed,
    }

    def augmented(n_batches):
        # Each photograph of a lesion is turned in its own way.
        chains = {
            name: augmentation(
                settings.preset,
                settings.seed + 100 * number,
                settings.augmentation_strength,
            )
            for number, name in enumerate(IMAGE_INPUTS)
        }
        return train.batches(
            inputs,
            keras.utils.to_categorical(targets, n_classes),
            augmentations=chains,
            first_batch=n_batches,
            **order,
        )

    loss = LogitAdjustedCrossentropy(
        np.bincount(targets, minlength=n_classes), settings.logit_adjustment
    )
    return fit(
        model,
        augmented,
        val.batches(
            inputs,
            keras.utils.to_categorical(val.targets, n_classes),
            batch_size=settings.batch_size,
        ),
        Path(folder),
        classification_objective(loss),
        settings.optimization,
        epochs=settings.epochs,
        steps_per_epoch=max(1, len(train) // settings.batch_size),
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        unaugmented=train.batches(inputs, **order),
    )


def predict_lesions(model, examples, inputs, withheld=(), flips=False, batch_size=32):
    """Probabilities of a network of lesions.

    Args:
        model: What `train_lesion_network` returned.
        examples: `LesionExamples` of the lesions that are asked about.
        inputs: Names of its inputs, in their order.
        withheld: Names of inputs that are passed off as not there.
        flips: Average over the four flips of the photographs.
        batch_size: Lesions a step.

    Returns:
        float64 `(n, n_classes)`, whose rows sum to 1.
    """
    batches = examples.batches(inputs, withheld=withheld, batch_size=batch_size)
    views = [
        predict(model, batches.map(lambda taken, axes=axes: (_flipped(taken, axes),)))
        for axes in (FLIPS if flips else FLIPS[:1])
    ]
    return as_probabilities(np.mean(views, axis=0))


def _flipped(taken, axes):
    """What a network takes, its photographs turned over along some axes."""
    return {
        name: tf.reverse(value, axes) if name in IMAGE_INPUTS and axes else value
        for name, value in taken.items()
    }
