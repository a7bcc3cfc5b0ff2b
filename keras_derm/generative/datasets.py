"""Endless batches of training images, the same at every start."""

import numpy as np
import tensorflow as tf

from keras_derm.catalog import CatalogError
from keras_derm.generative.conditions import condition_indices
from keras_derm.pipeline.autotuning import without_autotuning

TRANSLATED_TO = "MEL"
"""Diagnosis of a translation: a made image must have one, "malignant" is not enough."""


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


def training_dataset(
    catalog,
    images,
    batch_size=64,
    balance=0.5,
    seed=0,
    first_step=0,
    conditions=None,
):
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
        conditions: Integers (n, k) of every row, of which the first is the diagnosis;
            by default those of `condition_indices`.

    Returns:
        `tf.data.Dataset` of (images uint8, diagnosis int32, tone group int32), or of
        images and as many int32 as there are conditions.

    Raises:
        CatalogError: If a row is held out (`val`, `test`) or synthetic.
    """
    take, shape = _checked(catalog, images)
    if conditions is None:
        conditions = condition_indices(catalog)
    n_conditions = conditions.shape[1]
    weights = sampling_weights(conditions[:, 0], balance)

    def draw(step):
        generator = np.random.default_rng([seed, int(step)])
        rows = generator.choice(len(conditions), batch_size, p=weights)
        return take(rows).astype("uint8"), *conditions[rows].T

    def load(step):
        types = (tf.uint8, *[tf.int32] * n_conditions)
        batch, *told = tf.numpy_function(draw, [step], types)
        told = [tf.ensure_shape(values, (batch_size,)) for values in told]
        return tf.ensure_shape(batch, (batch_size, *shape)), *told

    return _steps(load, first_step)


def benign_and_malignant(catalog):
    """Rows of the domain to translate from, and of the one to translate to.

    Returns:
        Two int arrays of positions in the catalog: where `benign_malignant` is
        "benign", and where the diagnosis is `TRANSLATED_TO`.

    Raises:
        CatalogError: If either has no image, or a row is in both.
    """
    table = catalog.table
    benign = (table["benign_malignant"] == "benign").fillna(False).to_numpy(bool)
    malignant = (table["diagnosis"] == TRANSLATED_TO).to_numpy(bool)
    if not benign.any() or not malignant.any() or (benign & malignant).any():
        raise CatalogError(
            "a translation needs benign images (`benign_malignant`), images of a "
            f"malignant diagnosis, and none that is both. Received: {benign.sum()} "
            f"benign, {malignant.sum()} {TRANSLATED_TO}, {(benign & malignant).sum()} "
            "both"
        )
    return np.flatnonzero(benign), np.flatnonzero(malignant)


def translation_dataset(catalog, images, batch_size=1, seed=0, first_step=0):
    """Endless batches for `CycleGAN.fit`, with as many benign as malignant images.

    The larger domain is undersampled: in each pass every image of the smaller one
    comes once, beside as many of the other, drawn anew. Arguments and errors are those
    of `training_dataset`, and of `benign_and_malignant`; `batch_size` counts the images
    of each domain.

    Returns:
        `tf.data.Dataset` of (benign images, malignant images), uint8.
    """
    take, shape = _checked(catalog, images)
    domains = benign_and_malignant(catalog)
    n_images = min(len(rows) for rows in domains)

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


def _checked(catalog, images):
    """Function of positions to images, and the shape of one, of rows to train on."""
    catalog.require_training_only()
    catalog.require_real()
    take = taker(images)
    return take, take(np.array([0])).shape[1:]


def _steps(load, first_step):
    steps = tf.data.Dataset.range(first_step, np.iinfo("int64").max)
    return without_autotuning(steps.map(load, num_parallel_calls=2).prefetch(2))
