"""Photographs of a catalog, decoded in `tf.data`."""

import tensorflow as tf

from keras_derm.catalog import read_image


def decoded_images(catalog):
    """`tf.data.Dataset` of single decoded images, uint8 `(height, width, 3)`.

    See `decode` for which files are decoded by what.
    """
    plain = catalog.table["plain_rgb"].to_numpy()
    dataset = tf.data.Dataset.from_tensor_slices((catalog.paths, plain))
    return dataset.map(decode, num_parallel_calls=tf.data.AUTOTUNE)


def decode(path, is_plain):
    """The photograph of a file, uint8 `(height, width, 3)`, within `tf.data`.

    Files marked `plain_rgb` in the catalog are decoded by TensorFlow; all others
    (rotated by EXIF, CMYK, 16-bit, unchecked) by `keras_derm.catalog.read_image`.
    """
    image = tf.cond(
        is_plain,
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
