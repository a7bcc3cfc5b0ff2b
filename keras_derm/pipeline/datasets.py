"""Prepared images as batches for training and inference."""

import numpy as np
import tensorflow as tf

from keras_derm.layers import Augmentation
from keras_derm.pipeline.autotuning import without_autotuning
from keras_derm.pipeline.replicas import OnReplicas

FOREVER = np.iinfo(np.int64).max
CHOICES = 1024
WHOLE = (0, 1)
PREFETCHED = 4
DRAWS = 64
"""More than the random numbers that one layer draws for a batch."""


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
    augmentation=None,
    masks=None,
    share=WHOLE,
    first_batch=0,
    strategy=None,
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
        augmentation: `keras_derm.layers.Augmentation` of the batches, or None.
        masks: Masks of the images at `indices`, bool `(n, height, width)`, or None.
            They go behind the images, and augmentation moves them alike.
        share: `(i, n)` to give part `i` of `n` equal parts of every batch, which alone
            is read and augmented, each part with other random numbers. For `repeat`.
        first_batch: Number of batches to leave out at the start. They are the ones
            that `skip` leaves out, which would read and augment them all. For `repeat`.
        strategy: `tf.distribute.Strategy` on whose devices images are resized and
            augmented; None does it in `tf.data`, on the processor. Numbers are drawn
            in `tf.data` either way: what happens to an image does not depend on it.

    Returns:
        `tf.data.Dataset` of tuples `(images, *columns)`, or `(images, masks,
        *columns)`; images are float32 RGB in [0, 255], `(batch, height, width, 3)`,
        masks float32, 0 or 1, `(batch, height, width, 1)`. With `repeat` every iterator
        gives the same batches, so that a training goes on where it was stopped;
        without, the order of `shuffle` is drawn anew each time it is passed over.
        With `strategy`, `OnReplicas` that gives the same.

    Raises:
        ValueError: There is no image, `balance_by` is given for a data set that is not
            shuffled and repeated, `first_batch` for one that is not repeated, or the
            batches cannot be shared out evenly.
    """
    indices = np.asarray(indices)
    if len(indices) == 0:
        raise ValueError("`indices` must name at least one image. Received: none")
    if first_batch < 0 or (first_batch and not repeat):
        raise ValueError(
            "`first_batch` leaves out what a training has seen: 0, or more with "
            f"`repeat`. Received: first_batch={first_batch}, repeat={repeat}"
        )
    shape = (None, *prepared.image_size, 3)
    if balance_by is not None and not (shuffle and repeat):
        raise ValueError(
            "`balance_by` draws without end: it needs `shuffle` and `repeat`. "
            f"Received: shuffle={shuffle}, repeat={repeat}"
        )
    rows = np.arange(len(indices))
    if balance_by is not None:
        dataset = _balanced(rows, np.asarray(balance_by), seed)
    elif repeat:
        dataset = _epochs(rows, shuffle, seed)
    else:
        dataset = tf.data.Dataset.from_tensor_slices(rows)
        dataset = dataset.shuffle(len(rows), seed=seed) if shuffle else dataset
    dataset = dataset.batch(batch_size, drop_remainder=repeat).skip(first_batch)
    if share != WHOLE:
        dataset = dataset.map(part_of_batches(batch_size, repeat, *share))
    indices, *columns = (tf.constant(np.asarray(c)) for c in (indices, *columns))

    def load(rows):
        positions = tf.gather(indices, rows)
        images = tf.numpy_function(prepared.take, [positions], tf.uint8, stateful=False)
        given = [tf.gather(column, rows) for column in columns]
        if masks is not None:
            given.insert(0, take_masks(rows))
        return (tf.ensure_shape(images, (rows.shape[0], *shape[1:])), *given)

    def take_masks(rows):
        taken = tf.numpy_function(
            lambda rows: np.asarray(masks[rows]), [rows], tf.bool, stateful=False
        )
        return tf.cast(tf.ensure_shape(taken, shape[:-1]), tf.float32)[..., None]

    dataset = without_autotuning(dataset.map(load, tf.data.AUTOTUNE))
    chain = BatchChain(image_size, augmentation, with_masks=masks is not None)
    return chain.applied(dataset, repeat, share, first_batch, strategy)


def part_of_batches(batch_size, repeat, index, count):
    """Function that gives part `index` of `count` equal parts of a batch.

    Raises:
        ValueError: There are no such parts, or not all batches are full.
    """
    if not (repeat and 0 <= index < count and batch_size % count == 0):
        raise ValueError(
            "`share` gives an equal part of every batch: it needs `repeat` and a batch "
            f"size that can be divided. Received: share={(index, count)}, "
            f"batch_size={batch_size}, repeat={repeat}"
        )
    size = batch_size // count
    return lambda batch: batch[index * size : (index + 1) * size]


def as_float(images, image_size):
    """Images in float32, resized (bilinear) where they have another size."""
    images = tf.cast(images, tf.float32)
    if image_size is None or tuple(image_size) == tuple(images.shape[1:3]):
        return images
    return tf.image.resize(images, image_size)


class BatchChain:
    """What is done to images between the disk and a network: size and augmentation.

    Args:
        image_size: Height and width to which the images are resized, or None.
        augmentation: `keras_derm.layers.Augmentation`, or None.
        with_masks: Whether masks stand behind the images, to be moved alike.

    Example:
        >>> chain = BatchChain((224, 224), augmentation("keras_derm", 0))
        >>> batches = chain.applied(read)
    """

    def __init__(self, image_size=None, augmentation=None, with_masks=False):
        self.image_size = image_size
        self.augmentation = augmentation or Augmentation()
        self.with_masks = with_masks

    def applied(
        self, dataset, by_number=False, share=WHOLE, first_batch=0, strategy=None
    ):
        """Apply it to the batches of a data set, and fetch them ahead.

        Args:
            dataset: `tf.data.Dataset` of tuples `(images, ...)`, the images uint8.
            by_number: Let the number of a batch decide what is drawn, whatever an
                iterator drew before. A data set that is passed over several times shall
                differ each time, and goes without.
            share: `(i, n)` where a batch is part `i` of `n`.
            first_batch: Number of the first batch.
            strategy: `tf.distribute.Strategy` on whose devices it is done, or None to
                do it in `tf.data`.
        """
        draw = self._draw(by_number, share)
        # One batch after the other: in parallel they would draw from the layers' random
        # state in an order that no seed repeats.
        dataset = dataset.enumerate(first_batch).map(draw)
        if strategy is not None:
            return OnReplicas(dataset.prefetch(PREFETCHED), self._finish, strategy)
        return dataset.map(self._finish, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)

    def _draw(self, by_number, share):
        """Function that puts all random numbers of a batch beside it."""
        states = [
            (variable, int(np.asarray(variable)[0]))
            for layer in self.augmentation.layers
            for variable in layer.variables
            if by_number and "seed_generator_state" in variable.path
        ]

        def draw(number, batch):
            number = number * share[1] + share[0]
            for state, seed in states:
                position = tf.stack([tf.cast(seed, number.dtype), number * DRAWS])
                state.assign(tf.cast(position, state.dtype))
            images, *_ = batch
            sides = self.image_size or images.shape[1:3]
            shape = tf.stack([tf.shape(images)[0], *sides, 3])
            sized = tf.ensure_shape(tf.zeros(shape), (images.shape[0], *sides, 3))
            return self.augmentation.draw(sized), *batch

        return draw

    def _finish(self, drawn, images, *rest):
        """Resize the images of a batch, and change them as was drawn."""
        images = as_float(images, self.image_size)
        if not self.with_masks:
            return self.augmentation.apply(images, drawn), *rest
        masks, *rest = rest
        if not self.augmentation.layers:
            return images, masks, *rest
        images, masks = self.augmentation.apply(images, drawn, masks[..., 0])
        return images, tf.cast(masks, tf.float32)[..., None], *rest


def key(seed, number):
    """Seed of the random operations of an epoch, for those that keep no state."""
    return tf.stack([tf.cast(seed, number.dtype), number])


def _epochs(rows, shuffle, seed):
    """Rows without end, each epoch in an order that seed and its number decide.

    `tf.data.Dataset.shuffle` would give every iterator an order of its own.
    """
    rows = tf.constant(rows)

    def epoch(number):
        order = rows
        if shuffle:
            order = tf.random.experimental.stateless_shuffle(rows, key(seed, number))
        return tf.data.Dataset.from_tensor_slices(order)

    return tf.data.Dataset.range(FOREVER).flat_map(epoch)


def _balanced(rows, classes, seed):
    """Rows of classes that are drawn with equal chance, each in an order of its own."""
    present = np.unique(classes)
    of_class = [_epochs(rows[classes == c], True, seed) for c in present]

    def choices(number):
        drawn = tf.random.stateless_uniform(
            (CHOICES,), key(seed, number), maxval=len(present), dtype=tf.int64
        )
        return tf.data.Dataset.from_tensor_slices(drawn)

    choice = tf.data.Dataset.range(FOREVER).flat_map(choices)
    return tf.data.Dataset.choose_from_datasets(of_class, choice)
