"""Fine-tune a twin on the images of its job."""

import contextlib
import math
import sys

import numpy as np
import tensorflow as tf
import tf_keras

N_STEPS_SHOWN = 100


def fit(model, arrays, job, callbacks):
    """Train for the steps of the job on its images, in its order."""
    n_steps = job["n_steps"]
    optimizer = tf_keras.optimizers.Adam(
        tf_keras.optimizers.schedules.CosineDecay(job["learning_rate"], n_steps),
        clipnorm=1.0,
    )
    n_rounds = max(1, round(n_steps / N_STEPS_SHOWN))
    # A network without half of its weights has other statistics, which it must learn.
    frozen = frozen_statistics if job["method"] == "qat" else contextlib.nullcontext
    with frozen(model):
        model.compile(
            optimizer, "categorical_crossentropy", weighted_metrics=["accuracy"]
        )
        model.fit(
            dataset(arrays, job),
            epochs=n_rounds,
            steps_per_epoch=math.ceil(n_steps / n_rounds),
            callbacks=callbacks,
            verbose=1 if sys.stdout.isatty() else 2,
        )


def dataset(arrays, job):
    """Batches `(images, targets, weights)` in the order of the job."""
    order, batch_size = arrays["order"], job["batch_size"]

    def batches():
        for start in range(0, len(order), batch_size):
            # Sorted, so that the file is read forward.
            rows = np.sort(order[start : start + batch_size])
            yield (
                arrays["images"][rows].astype("float32"),
                arrays["targets"][rows].astype("float32"),
                arrays["sample_weights"][rows].astype("float32"),
            )

    shapes = (arrays["images"], arrays["targets"], arrays["sample_weights"])
    signature = tuple(tf.TensorSpec((None, *array.shape[1:])) for array in shapes)
    return tf.data.Dataset.from_generator(batches, output_signature=signature).prefetch(
        2
    )


def frozen_statistics(model):
    """Let batch normalisations stay as they were learned.

    The statistics of the last few batches, in place of those of a whole training, cost
    more than the rounding that is to be made good.
    """
    return all_layers_with(model, tf_keras.layers.BatchNormalization, trainable=False)


@contextlib.contextmanager
def all_layers_with(model, kind, **settings):
    """Give the layers of a kind other attributes for a while."""
    layers = [layer for layer in map(inner, model.layers) if isinstance(layer, kind)]
    with contextlib.ExitStack() as stack:
        for layer in layers:
            for name, value in settings.items():
                stack.callback(setattr, layer, name, getattr(layer, name))
                setattr(layer, name, value)
        yield


def inner(layer):
    return getattr(layer, "layer", layer)
