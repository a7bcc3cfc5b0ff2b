"""Train a classifier on one device or on two, in a process of its own.

Usage: python mirrored_training.py FOLDER [1|2]

Logical devices must be set before TensorFlow starts. The network is without batch
normalisation, whose statistics are each device's own.
"""

import sys

import keras
import tensorflow as tf
from tiny_training import data, train_classifier

folder, n_devices = sys.argv[1], int(sys.argv[2])
(processor,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    processor, [tf.config.LogicalDeviceConfiguration()] * n_devices
)
devices = [f"CPU:{i}" for i in range(n_devices)]
strategy = tf.distribute.MirroredStrategy(devices)  # one to a process, and first


def classifier():
    keras.utils.set_random_seed(3)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1)(inputs)
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pooling")(x)
    return keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))


with strategy.scope():
    model = classifier()
train_classifier(
    model,
    *data(),
    folder,
    epochs=4,
    steps_per_epoch=5,
    learning_rate=0.02,
    schedule="plateau",
    head_epochs=1,
    ema_momentum=0.8,
)
