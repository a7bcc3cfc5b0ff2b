"""Prepared images as batches for training and inference."""

import numpy as np
import tensorflow as tf


def image_dataset(
    prepared,
    indices,
    *columns,
    batch_size=32,
    shuffle=False,
    repeat=False,
    seed=0,
    balance_by=None,
    image_size=None,
    layers=(),
):
    """Batches of prepared images beside their targets.

    Args:
        prepared: `PreparedImages`.
        indices: Positions in `prepared`, shape `(n,)`.
        *columns: Arrays of length `n` that go along: targets, sample weights,
            conditions.
        batch_size: Images per batch.
        shuffle: Whether the order is drawn anew each epoch, over all images.
        repeat: Whether the epochs follow each other without end; batches are then
            all full.
        seed: Seed of the order.
        balance_by: Class of each image, integers `(n,)`, to draw every class equally
            often: each place of a batch takes a class by chance and the next image
            of that class, whose order is drawn anew each time all have been seen.
            None takes images as often as they occur. For `shuffle` with `repeat`.
        image_size: Height and width to which the images are resized (bilinear, as
            `build_ensemble` does for its members), or None to leave them.
        layers: Keras layers applied with `training=True`: the augmentation.

    Returns:
        `tf.data.Dataset` of tuples `(images, *columns)`; images are float32 RGB in
        [0, 255], `(batch, height, width, 3)`. Made anew with the same arguments it
        gives the same batches, so that `skip` goes on where a training was stopped.

    Raises:
        ValueError: There is no image, or `balance_by` is given for a data set that
            is not shuffled and repeated.
    """
    indices = np.asarray(indices)
    if len(indices) == 0:
        raise ValueError("`indices` must name at least one image. Received: none")
    shape = (None, *prepared.image_size, 3)
    if balance_by is None:
        dataset = _ordered((indices, *columns), shuffle, repeat, seed)
    elif shuffle and repeat:
        dataset = _balanced((indices, *columns), np.asarray(balance_by), seed)
    else:
        raise ValueError(
            "`balance_by` draws without end: it needs `shuffle` and `repeat`. "
            f"Received: shuffle={shuffle}, repeat={repeat}"
        )
    dataset = dataset.batch(batch_size, drop_remainder=repeat)

    def load(positions, *rest):
        images = tf.numpy_function(prepared.take, [positions], tf.uint8, stateful=False)
        images = tf.cast(tf.ensure_shape(images, shape), tf.float32)
        if image_size is not None and tuple(image_size) != tuple(prepared.image_size):
            images = tf.image.resize(images, image_size)
        return (images, *rest)

    def augment(images, *rest):
        for layer in layers:
            images = layer(images, training=True)
        return (images, *rest)

    dataset = dataset.map(load, tf.data.AUTOTUNE)
    if layers:
        # One batch after the other: in parallel they would draw from the layers'
        # random state in an order that no seed repeats.
        dataset = dataset.map(augment)
    return dataset.prefetch(tf.data.AUTOTUNE)


def _ordered(rows, shuffle, repeat, seed):
    dataset = tf.data.Dataset.from_tensor_slices(rows)
    if shuffle:
        dataset = dataset.shuffle(len(rows[0]), seed=seed)
    return dataset.repeat() if repeat else dataset


def _balanced(rows, classes, seed):
    """Rows of every class in an order of their own, drawn from with equal chance."""
    of_class = []
    for c in np.unique(classes):
        chosen = tuple(np.asarray(column)[classes == c] for column in rows)
        of_class.append(_ordered(chosen, True, True, seed))
    return tf.data.Dataset.sample_from_datasets(of_class, seed=seed)
