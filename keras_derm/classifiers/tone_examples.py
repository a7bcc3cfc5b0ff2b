"""What a tone network learns from, and how it is trained on it."""

import dataclasses

import keras
import numpy as np

from keras_derm.catalog import SKIN_TONE_SCALES, Catalog, darkness
from keras_derm.classifiers.tone_network import (
    build_tone_network,
    label_weights,
    tone_objective,
    with_units,
)
from keras_derm.layers import resize, tone_augmentation
from keras_derm.pipeline import PreparedImages, image_dataset, prepare
from keras_derm.settings import OptimizationSettings
from keras_derm.skin_tone import colours_of_twins
from keras_derm.training import default_strategy, fit, predict

BACKBONE = "MobileNetV2"
HELD_OUT = ("val", "test")


@dataclasses.dataclass(frozen=True)
class ToneExamples:
    """Labelled photographs of one type and scale, split.

    Attributes:
        catalog: `Catalog` of them.
        scale: Scale of their labels.
        prepared: `PreparedImages` of them.
        colours: (n, k), standardised colours of the clinical twins, k 0 or 3.

    Example:
        >>> examples = ToneExamples.of(everything, "dermoscopic", 160, "prepared")
        >>> network = train_tone_network(examples, settings, "training")
    """

    catalog: Catalog
    scale: str
    prepared: PreparedImages
    colours: np.ndarray

    @classmethod
    def of(cls, everything, image_type, image_size, folder):
        """Choose and prepare the photographs of one type.

        Args:
            everything: `Catalog` of labelled photographs of all types, split.
            image_type: Which of them.
            image_size: Side in pixels.
            folder: Where prepared images are kept.
        """
        catalog = everything.where(image_type=image_type)
        colours = np.zeros((len(catalog), 0), "float32")
        if image_type == "dermoscopic":
            colours = colours_of_twins(everything, catalog)
        return cls(
            catalog,
            catalog.table["skin_tone_scale"].iloc[0],
            prepare(catalog, resize(image_size), folder),
            colours,
        )

    @property
    def labels(self):
        """The labels of the scale, the lightest first."""
        return list(SKIN_TONE_SCALES[self.scale])

    @property
    def ranks(self):
        """Place of each label on the scale, (n,)."""
        return np.array(darkness(self.catalog.table["skin_tone_label"], self.scale))

    def rows(self, *splits):
        """Positions of the photographs of these splits."""
        return np.flatnonzero(self.catalog.table["split"].isin(splits))

    def all_in_train(self):
        """The same with every photograph in train."""
        return dataclasses.replace(
            self, catalog=self.catalog.with_columns(split="train")
        )

    def values(self, network, rows):
        """What a network gives to the photographs at these positions, (n,)."""
        indices = self.prepared.indices(self.catalog)[rows]
        images = image_dataset(self.prepared, indices, batch_size=64)
        return predict(network, images)[:, 0].astype("float64")


def train_tone_network(examples, settings, folder, validation=None):
    """Train a tone network, or go on with its training.

    Args:
        examples: `ToneExamples`.
        settings: `TrainSkinToneSettings`, complete.
        folder: Folder of the training.
        validation: Positions of the photographs that choose the epoch; those of val
            by default.

    Returns:
        `keras.Model` from images to the tone in labels, `(batch, 1)`.
    """
    keras.utils.set_random_seed(settings.seed)
    train = examples.rows("train")
    val = examples.rows("val") if validation is None else validation
    ranks = examples.ranks
    mean, deviation = float(ranks[train].mean()), float(ranks[train].std())
    tone = (ranks - mean) / deviation
    targets = np.column_stack([tone, examples.colours]).astype("float32")
    with default_strategy().scope():
        model = build_tone_network(
            BACKBONE,
            settings.image_size,
            targets.shape[1],
            settings.weights,
            settings.depth,
            settings.dropout,
        )
    indices = examples.prepared.indices(examples.catalog)
    order = {
        "batch_size": settings.batch_size,
        "shuffle": True,
        "repeat": True,
        "seed": settings.seed,
    }
    groups = examples.catalog.table["tone_group"].to_numpy(object)[val]
    trained = fit(
        model,
        image_dataset(
            examples.prepared,
            indices[train],
            targets[train],
            label_weights(ranks[train]),
            **order,
            augmentation=tone_augmentation(
                settings.image_type, settings.seed, settings.augmentation_strength
            ),
        ),
        image_dataset(examples.prepared, indices[val], targets[val], batch_size=64),
        folder,
        tone_objective(groups == "dark", groups == "light"),
        OptimizationSettings(ema_momentum=settings.ema_momentum),
        epochs=settings.epochs,
        steps_per_epoch=max(1, len(train) // settings.batch_size),
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        unaugmented=image_dataset(examples.prepared, indices[train], **order),
    )
    return with_units(trained, mean, deviation)
