"""Means over a part of each image."""

import tensorflow as tf


def masked_mean(values, weights):
    """Return the weighted mean of each image and channel.

    Args:
        values: (batch, height, width) or (batch, height, width, channels), float32.
        weights: Of the same shape; 1 where a pixel counts, 0 where it does not.

    Returns:
        Tensor with height and width of 1; 0 where no pixel counts.
    """
    total = tf.reduce_sum(values * weights, axis=(1, 2), keepdims=True)
    return tf.math.divide_no_nan(
        total, tf.reduce_sum(weights, axis=(1, 2), keepdims=True)
    )
