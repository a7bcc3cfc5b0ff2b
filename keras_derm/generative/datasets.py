"""Endless batches of training images, the same at every start."""

import numpy as np
import tensorflow as tf

from keras_derm.generative.conditions import condition_indices
from keras_derm.generative.domains import TRANSLATED_TO, benign_and_malignant


def sampling_weights(diagnosis, balance=0.5):
    """Probability of drawing each image, so that rare diagnoses are seen more often.

    Args:
        diagnosis: Integers (n,).
        balance: 0 draws images as they come, 1 all diagnoses equally often, 0.5 in
            proportion to the root of their counts.

    Returns:
        float array (n,) that sums to 1.
    """
    if not 0 <= balance <= 1:
        raise ValueError(f"`balance` must lie in [0, 1]. Received: balance={balance}")
    weights = np.bincount(diagnosis)[diagnosis].astype("float64") ** -balance
    return weights / weights.sum()


def training_dataset(catalog, images, batch_size=64, balance=0.5, seed=0, first_step=0):
    """Endless batches for `fit` of a conditional generator.

    Batch t is a function of `seed` and t alone, so that a training that starts again
    at `first_step` sees what it would have seen.

    Args:
        catalog: `Catalog` of real training rows.
        images: Their images, anything that gives uint8 (batch, side, side, 3) for an
            int array of positions: an array, a memmap, or `PreparedImages.take`.
        batch_size: Images a batch, over all replicas.
        balance: See `sampling_weights`.
        seed: Integer seed of the order.
        first_step: Number of batches to leave out at the start.

    Returns:
        `tf.data.Dataset` of (images uint8, diagnosis int32, skin tone int32).

    Raises:
        CatalogError: If a row is held out (`val`, `test`) or synthetic.
    """
    catalog.require_training_only()
    catalog.require_real()
    conditions = condition_indices(catalog)
    weights = sampling_weights(conditions[:, 0], balance)
    take = taker(images)
    shape = take(np.array([0])).shape[1:]

    def draw(step):
        generator = np.random.default_rng([seed, int(step)])
        rows = generator.choice(len(conditions), batch_size, p=weights)
        return take(rows).astype("uint8"), conditions[rows, 0], conditions[rows, 1]

    def load(step):
        types = (tf.uint8, tf.int32, tf.int32)
        batch, diagnosis, tone = tf.numpy_function(draw, [step], types)
        return (
            tf.ensure_shape(batch, (batch_size, *shape)),
            tf.ensure_shape(diagnosis, (batch_size,)),
            tf.ensure_shape(tone, (batch_size,)),
        )

    return _steps(load, first_step)


def translation_dataset(
    catalog, images, batch_size=1, diagnosis=TRANSLATED_TO, seed=0, first_step=0
):
    """Endless batches for `CycleGAN.fit`, with as many benign as malignant images.

    The larger domain is undersampled: in each pass every image of the smaller one
    comes once, beside as many of the other, drawn anew. Batch t is a function of
    `seed` and t alone.

    Args:
        catalog: `Catalog` of real training rows.
        images: See `training_dataset`.
        batch_size: Images of each domain in a batch, over all replicas.
        diagnosis: See `benign_and_malignant`.
        seed: Integer seed of the order.
        first_step: Number of batches to leave out at the start.

    Returns:
        `tf.data.Dataset` of (benign images, malignant images), uint8.

    Raises:
        CatalogError: If a row is held out (`val`, `test`) or synthetic, or a domain
            is empty.
    """
    catalog.require_training_only()
    catalog.require_real()
    domains = benign_and_malignant(catalog, diagnosis)
    n_images = min(len(rows) for rows in domains)
    take = taker(images)
    shape = take(np.array([0])).shape[1:]

    def row(domain, position):
        turn, place = divmod(position, n_images)
        generator = np.random.default_rng([seed, domain, turn])
        return generator.permutation(domains[domain])[place]

    def draw(step):
        positions = range(int(step) * batch_size, (int(step) + 1) * batch_size)
        return [
            take(np.array([row(domain, position) for position in positions]))
            for domain in range(2)
        ]

    def load(step):
        batches = tf.numpy_function(draw, [step], (tf.uint8, tf.uint8))
        return tuple(tf.ensure_shape(batch, (batch_size, *shape)) for batch in batches)

    return _steps(load, first_step)


def taker(images):
    """Function of an int array of positions to images; see `training_dataset`."""
    return images if callable(images) else images.__getitem__


def _steps(load, first_step):
    steps = tf.data.Dataset.range(first_step, np.iinfo("int64").max)
    return steps.map(load, num_parallel_calls=2).prefetch(2)
