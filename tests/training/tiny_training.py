"""A classifier of small images, and its training, of a second or two."""

import dataclasses

import keras
import numpy as np

from keras_derm.classifiers import classification_objective
from keras_derm.layers import augmentation
from keras_derm.pipeline import PreparedImages, image_dataset
from keras_derm.settings import OptimizationSettings
from keras_derm.training import fit


def tiny_classifier():
    keras.utils.set_random_seed(3)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1)(inputs)
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    x = keras.layers.BatchNormalization(momentum=0.9)(x)
    x = keras.layers.GlobalAveragePooling2D(name="pooling")(x)
    x = keras.layers.Dropout(0.3)(x)
    outputs = keras.layers.Dense(2, activation="softmax")(x)
    return keras.Model(inputs, outputs)


def data(augment=False):
    """Bright against dark images: to be told apart with ease."""
    generator = np.random.default_rng(0)
    targets = np.arange(64) % 2
    noise = generator.integers(0, 120, (64, 8, 8, 3))
    images = (noise + 120 * targets[:, None, None, None]).astype(np.uint8)
    prepared = PreparedImages([str(i) for i in range(64)], [images])
    labels = keras.utils.to_categorical(targets, 2)
    rows = np.arange(64)
    train = image_dataset(
        prepared,
        rows,
        labels,
        np.ones(64, "float32"),
        repeat=True,
        shuffle=True,
        augmentation=augmentation("sn_gan_ensemble", 1) if augment else None,
    )
    return train, image_dataset(prepared, rows, labels)


class Kill(keras.callbacks.Callback):
    """End the process, as it were, after some batches."""

    def __init__(self, n_batches):
        super().__init__()
        self.n_left = n_batches

    def on_train_batch_end(self, batch, logs=None):
        self.n_left -= 1
        if self.n_left == 0:
            raise KeyboardInterrupt


def train_classifier(model, train, validation, folder, **settings):
    """`fit` for classifiers, the settings of the optimisation beside the others."""
    names = {field.name for field in dataclasses.fields(OptimizationSettings)}
    chosen = {name: settings.pop(name) for name in names & settings.keys()}
    optimization = OptimizationSettings(**chosen)
    objective = classification_objective()
    return fit(model, train, validation, folder, objective, optimization, **settings)
