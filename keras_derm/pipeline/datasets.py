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
        image_size: Height and width to which the images are resized (bilinear, as
            `build_ensemble` does for its members), or None to leave them.
        layers: Keras layers applied with `training=True`: the augmentation.

    Returns:
        `tf.data.Dataset` of tuples `(images, *columns)`; images are float32 RGB in
        [0, 255], `(batch, height, width, 3)`.
    """
    indices = np.asarray(indices)
    if len(indices) == 0:
        raise ValueError("`indices` must name at least one image. Received: none")
    shape = (None, *prepared.image_size, 3)
    dataset = tf.data.Dataset.from_tensor_slices((indices, *columns))
    if shuffle:
        dataset = dataset.shuffle(len(indices), seed=seed)
    if repeat:
        dataset = dataset.repeat()
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
