"""Data sets without the autotuner of `tf.data`, which iterators wait for at the end."""

import tensorflow as tf


def without_autotuning(dataset):
    """A data set that does without the autotuner, and whose iterators end at once.

    An iterator that is let go waits until its autotuner wakes, which TensorFlow 2.21
    often fails to tell that it is over: for as long as the iterator was in use, at most
    a minute (`benchmarks/autotuning_wait.py`). Trainings, validations and predictions
    end with that. Without it `tf.data.AUTOTUNE` is as many threads as there are.

    Args:
        dataset: `tf.data.Dataset`; what is made of the result does without, too.

    Returns:
        `tf.data.Dataset` of the same elements.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
