"""One worker of a training. Sizes are for the test.

python worker.py KINDS FOLDER WEIGHTS, with TF_CONFIG.
"""

import sys

import numpy as np
import tensorflow as tf

from keras_derm.training import join_workers

SETTINGS = {
    # No layer here draws numbers or looks at the other images of its batch.
    "plain": {"learning_rate": 0.05, "clip_norm": 0.1, "epochs": 2},
    "full": {"learning_rate": 0.02, "steps_per_execution": 2, "epochs": 4},
    "head": {"schedule": "plateau", "plateau_patience": 1, "head_epochs": 2}
    | {"learning_rate": 0.02, "epochs": 4, "early_stopping": 9},
}
N_IMAGES, BATCH_SIZE, STEPS_PER_EPOCH = 60, 12, 20


def classifier(kind):
    import keras

    keras.utils.set_random_seed(3)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1)(inputs)
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    if kind != "plain":
        x = keras.layers.BatchNormalization(momentum=0.9)(x)
    x = keras.layers.GlobalAveragePooling2D(name="pooling")(x)
    if kind != "plain":
        x = keras.layers.Dropout(0.3)(x)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))


def data(kind, share):
    """Images of three brightnesses, hard to tell apart, and weights of classes."""
    import keras

    from keras_derm.layers import augmentation
    from keras_derm.pipeline import PreparedImages, image_dataset

    targets = np.arange(N_IMAGES) % 3
    noise = np.random.default_rng(0).integers(0, 200, (N_IMAGES, 8, 8, 3))
    images = (noise + 20 * targets[:, None, None, None]).astype(np.uint8)
    prepared = PreparedImages([str(i) for i in range(N_IMAGES)], [images])
    rows, labels = np.arange(N_IMAGES), keras.utils.to_categorical(targets, 3)
    train = image_dataset(
        prepared,
        rows,
        labels,
        np.array([0.5, 1.0, 2.0], "float32")[targets],
        batch_size=BATCH_SIZE,
        repeat=True,
        shuffle=True,
        augmentation=augmentation("sn_gan_ensemble", 1) if kind != "plain" else None,
        share=share,
    )
    return train, image_dataset(prepared, rows, labels, batch_size=7)


def train(kind, folder, weights, workers=None):
    """Train one kind, and keep all that a step has changed."""
    share = (0, 1) if workers is None else workers.share(BATCH_SIZE)
    from tiny_training import train_classifier

    model = classifier(kind)
    train_classifier(
        model,
        *data(kind, share),
        folder,
        steps_per_epoch=STEPS_PER_EPOCH,
        workers=workers,
        **SETTINGS[kind],
    )
    np.savez(
        weights,
        *model.get_weights(),
        *map(tf.convert_to_tensor, model.optimizer.variables),
    )


if __name__ == "__main__":
    kinds, folder, weights = sys.argv[1:]
    workers = join_workers()
    for kind in kinds.split(","):
        train(kind, f"{folder}/{kind}", f"{weights}_{kind}.npz", workers)
