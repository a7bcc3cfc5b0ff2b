"""Prepare and augment on one device and on two, in a process of its own.

Usage: python mirrored_preprocessing.py FOLDER

Logical devices must be set before TensorFlow starts.
"""

import sys

import keras
import numpy as np
import tensorflow as tf
from same_size_photographs import archive

from keras_derm.layers import HairRemoval, Preparation, SquarePad, augmentation
from keras_derm.pipeline import PreparedImages, image_dataset, prepare

folder = sys.argv[1]
(processor,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    processor, [tf.config.LogicalDeviceConfiguration()] * 2
)
mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
STRATEGIES = {"one": tf.distribute.get_strategy(), "two": mirrored}


def check_preparation():
    catalog, chain = (
        archive(folder),
        Preparation([SquarePad(32)], [HairRemoval("published", 5)]),
    )
    boxes = np.tile([2, 3, 15, 16], (len(catalog), 1))
    factors = np.linspace(0.4, 1.0, len(catalog))
    rows = np.arange(len(catalog))
    for name, options in (("one", {}), ("two", {"boxes": boxes, "factors": factors})):
        usual = prepare(catalog, chain, f"{folder}/{name}_cpu", **options)
        found = prepare(
            catalog, chain, f"{folder}/{name}", strategy=STRATEGIES[name], **options
        )
        assert found.ids.tolist() == usual.ids.tolist()
        np.testing.assert_array_equal(found.take(rows), usual.take(rows))
    print("preparation agrees")


def check_augmentation():
    images = np.random.default_rng(0).integers(0, 255, (12, 16, 16, 3), "uint8")
    prepared = PreparedImages([f"i{k}" for k in range(12)], [images])

    def batches(strategy, first_batch=0):
        dataset = image_dataset(
            prepared,
            np.arange(12),
            np.arange(12),
            batch_size=6,
            shuffle=True,
            repeat=True,
            seed=3,
            image_size=(12, 12),
            augmentation=augmentation("keras_derm", seed=3),
            first_batch=first_batch,
            strategy=strategy,
        )
        found = []
        for batch, _ in zip(dataset, range(3), strict=False):
            parts = (strategy or mirrored).experimental_local_results
            found.append([np.concatenate(parts(column)) for column in batch])
        return found

    expected = batches(None)
    assert len({images.mean() for images, _ in expected}) == 3
    for strategy, first_batch in zip(STRATEGIES.values(), (0, 2), strict=True):
        found = batches(strategy, first_batch)
        for batch, usual in zip(found, expected[first_batch:], strict=False):
            for column, same in zip(batch, usual, strict=True):
                np.testing.assert_array_equal(column, same)
    print("augmentation agrees")


def check_fit():
    """A model learns the same from what the processor, one and two devices augment."""
    images = np.random.default_rng(0).integers(0, 255, (16, 8, 8, 3), "uint8")
    prepared = PreparedImages([f"i{k}" for k in range(16)], [images])
    targets = keras.utils.to_categorical(np.arange(16) % 2, 2)
    weights = np.ones(16, "float32")

    def learned(trains_on, augments_on):
        keras.utils.set_random_seed(3)
        with trains_on.scope():
            model = keras.Sequential(
                [
                    keras.Input((8, 8, 3)),
                    keras.layers.Rescaling(1 / 255),
                    keras.layers.Flatten(),
                    keras.layers.Dense(2, activation="softmax"),
                ]
            )
            model.compile(
                keras.optimizers.SGD(0.01),
                "categorical_crossentropy",
                metrics=["accuracy"],
            )
        dataset = image_dataset(
            prepared,
            np.arange(16),
            targets,
            weights,
            batch_size=8,
            shuffle=True,
            repeat=True,
            augmentation=augmentation("keras_derm", 1),
            strategy=augments_on,
        )
        history = model.fit(
            dataset, steps_per_epoch=3, epochs=2, verbose=0, shuffle=False
        )
        return [*history.history["loss"], *map(np.ravel, model.get_weights())]

    one, two = STRATEGIES.values()
    expected = learned(one, None)
    for found in (learned(one, one), learned(two, two)):
        for value, usual in zip(found, expected, strict=True):
            np.testing.assert_allclose(value, usual, rtol=1e-4, atol=1e-6)
    print("training agrees")


if __name__ == "__main__":
    check_preparation()
    check_augmentation()
    check_fit()
