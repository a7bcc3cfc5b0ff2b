"""Photographs of many sizes in batches of one size, as devices like them."""

import numpy as np
import tensorflow as tf

from keras_derm.photographs import open_image, upright_size
from keras_derm.pipeline.autotuning import without_autotuning
from keras_derm.pipeline.decoded import decode, is_plain, part_of
from keras_derm.pipeline.replicas import OnReplicas

BLOCK = 256
"""Photographs that follow each other in a catalog, among which sizes are matched."""

MOST_PIXELS = 32_000_000
MOST_IMAGES = 64
"""Of one batch of a device; large photographs come in smaller batches."""

IN_ADVANCE = 2


def images_of_replicas(catalog, prepared, boxes, strategy):
    """Prepared images of a catalog one by one, in its order, made on devices.

    `tf.data` decodes; each device prepares a batch of its own. Within a block of the
    catalog photographs of one size share a batch, so that memory grows neither with the
    archive nor with the number of its sizes.

    Args:
        catalog: `Catalog`.
        prepared: Function of the rows and the photographs of a batch, uint8
            `(n, height, width, 3)`, to images of one size, each by itself.
        boxes: Part of each photograph that is taken, as of `prepare`, or None.
        strategy: `tf.distribute.Strategy`.

    Yields:
        What `prepared` gives for each photograph, an array.
    """
    batches = _decoded_batches(catalog, boxes, strategy.num_replicas_in_sync)
    batches = strategy.distribute_datasets_from_function(lambda _: batches)
    made = OnReplicas(
        batches, lambda rows, some: (rows, prepared(rows, some)), strategy
    )
    waiting, next_row = {}, 0
    for rows, images in _one_behind(made):
        of_replicas = map(strategy.experimental_local_results, (rows, images))
        for some, of_some in zip(*of_replicas, strict=True):
            waiting |= zip(some.numpy().tolist(), of_some.numpy(), strict=True)
        while next_row in waiting:
            yield waiting.pop(next_row)
            next_row += 1
        # What only filled up the last batches is not waited for.
        waiting = {row: image for row, image in waiting.items() if row > next_row}


def _one_behind(batches):
    """Each batch when the next one is on its way, so that no device waits for us."""
    before = None
    for batch in batches:
        if before is not None:
            yield before
        before = batch
    if before is not None:
        yield before


def _decoded_batches(catalog, boxes, n_replicas):
    """`tf.data.Dataset` of rows of a catalog beside their photographs, of one size."""
    paths = tf.constant(catalog.paths)
    plain = tf.constant(is_plain(catalog))
    parts = None if boxes is None else tf.constant(np.asarray(boxes, "int64"))

    def photograph(row):
        image = decode(paths[row], plain[row])
        return image if parts is None else part_of(image, parts[row])

    def load(rows):
        kind = tf.TensorSpec((None, None, 3), tf.uint8)
        return rows, tf.map_fn(photograph, rows, fn_output_signature=kind)

    dataset = tf.data.Dataset.from_generator(
        lambda: rows_of_one_size(catalog.paths, boxes, n_replicas),
        output_signature=tf.TensorSpec((None,), tf.int64),
    )
    dataset = without_autotuning(dataset.map(load, tf.data.AUTOTUNE))
    return dataset.prefetch(IN_ADVANCE * n_replicas)


def rows_of_one_size(paths, boxes, n_replicas):
    """Rows of photographs that share a batch, int64 arrays, block after block.

    There are as many batches for one replica as for another: the last is given again
    where one is missing.
    """
    n_batches, rows = 0, None
    for start in range(0, len(paths), BLOCK):
        of_size = {}
        for row in range(start, min(start + BLOCK, len(paths))):
            size = _size(paths[row]) if boxes is None else tuple(boxes[row][2:])
            of_size.setdefault(size, []).append(row)
        for (width, height), same in of_size.items():
            n = min(MOST_IMAGES, max(1, MOST_PIXELS // (width * height)))
            for first in range(0, len(same), n):
                rows = np.array(same[first : first + n], "int64")
                n_batches += 1
                yield rows
    for _ in range(-n_batches % n_replicas):
        yield rows


def _size(path):
    return upright_size(open_image(path)[0])
