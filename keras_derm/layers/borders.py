"""Continuation of images beyond their border."""

import tensorflow as tf


def reflected(images, widths, axis):
    """Pad one axis by mirroring about the border pixel, as far as need be.

    OpenCV's `BORDER_REFLECT_101`: ...c b | a b c | b a...; unlike `tf.pad` the `widths`
    before and after may be greater than the image, and may be scalar int32 tensors.
    """
    length = tf.shape(images)[axis]
    last = tf.maximum(length - 1, 1)
    position = tf.abs(tf.range(-widths[0], length + widths[1])) % (2 * last)
    index = tf.minimum(position, 2 * last - position)
    return tf.gather(images, tf.minimum(index, length - 1), axis=axis)
