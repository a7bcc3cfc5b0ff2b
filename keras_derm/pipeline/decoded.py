"""Photographs of a catalog, decoded in `tf.data`."""

import tensorflow as tf

from keras_derm.catalog import read_image
from keras_derm.object_store import is_url
from keras_derm.pipeline.autotuning import without_autotuning


def decoded_images(catalog):
    """`tf.data.Dataset` of single decoded images, uint8 `(height, width, 3)`.

    See `decode` for which files are decoded by what.
    """
    dataset = tf.data.Dataset.from_tensor_slices((catalog.paths, is_plain(catalog)))
    return without_autotuning(dataset.map(decode, tf.data.AUTOTUNE))


def is_plain(catalog):
    """Which photographs TensorFlow reads and decodes itself, a bool array.

    Those that the catalog marks `plain_rgb`, of this machine: TensorFlow has no file
    system of an object store.
    """
    of_store = catalog.table["root"].map(is_url).to_numpy(bool)
    return catalog.table["plain_rgb"].to_numpy(bool) & ~of_store


def decode(path, plain):
    """The photograph of a file, uint8 `(height, width, 3)`, within `tf.data`.

    Those of `is_plain` are decoded by TensorFlow; all others (rotated by EXIF, CMYK,
    16-bit, unchecked, in an object store) by `keras_derm.catalog.read_image`.
    """
    image = tf.cond(
        plain,
        # Reads PNG too. The accurate transform gives what read_image gives.
        lambda: tf.io.decode_jpeg(
            tf.io.read_file(path), channels=3, dct_method="INTEGER_ACCURATE"
        ),
        lambda: tf.numpy_function(
            lambda p: read_image(p.decode()), [path], tf.uint8, stateful=False
        ),
    )
    return tf.ensure_shape(image, (None, None, 3))


def part_of(photograph, box):
    """Part of a photograph; the box is its top, left, height and width in pixels."""
    top, left, height, width = tf.unstack(box)
    return photograph[top : top + height, left : left + width]
