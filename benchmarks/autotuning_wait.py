"""How long iterators of tf.data wait for their autotuner when they are let go.

Usage: python benchmarks/autotuning_wait.py

Iterators are used for some seconds and let go, with the autotuner, as TensorFlow has
them, and without, as keras_derm has (`keras_derm.pipeline.autotuning`), in turns.
Beside the wait: batches a second, which the autotuner is for.
"""

import time

import numpy as np
import tensorflow as tf
from jsonargparse import auto_cli

from keras_derm.pipeline.autotuning import without_autotuning


def main(n_rounds: int = 10, seconds: float = 3.0, batch_size: int = 32) -> None:
    """Print the waits of both, and their batches a second.

    Args:
        n_rounds: Iterators of each.
        seconds: How long each is used.
        batch_size: Images of a batch.
    """
    images = np.random.default_rng(0).integers(0, 256, (256, 32, 32, 3)).astype("uint8")
    photographs = tf.data.Dataset.from_tensor_slices(images).repeat().shuffle(64)
    batches = photographs.batch(batch_size).map(
        lambda batch: tf.cast(batch, tf.float32) / 255, tf.data.AUTOTUNE
    )
    batches = batches.prefetch(tf.data.AUTOTUNE)
    kinds = {"with": batches, "without": without_autotuning(batches)}
    found = {name: [] for name in kinds}
    for _ in range(n_rounds):
        for name, dataset in kinds.items():
            found[name].append(_used(dataset, seconds))
    for name, rows in found.items():
        waits, speeds = np.transpose(rows)
        print(f"{name} the autotuner, {n_rounds} uses of {seconds:g} s:")
        print(f"  waits of {waits.mean():.2f} s in the mean, {waits.max():.2f} at most")
        print(f"  {np.median(speeds):.0f} batches a second")


def _used(dataset, seconds):
    """Seconds that an iterator took to end, and batches a second before."""
    iterator, n = iter(dataset), 0
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        next(iterator)
        n += 1
    end = time.perf_counter()
    del iterator
    return time.perf_counter() - end, n / (end - start)


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
