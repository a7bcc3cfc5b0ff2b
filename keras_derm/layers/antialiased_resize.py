"""The antialiased resize of TensorFlow in operations that have a GPU kernel."""

import tensorflow as tf


def antialiased_resize(pixels, size):
    """Return what `tf.image.resize(pixels, size, antialias=True)` does, to the bit.

    That one computes by `ScaleAndTranslate`, which has a kernel for processors alone.
    Here the same weights multiply the same pixels in the same order, down and then
    across, each product and each sum rounded by itself: nothing is left that one device
    could compute otherwise than another.

    Args:
        pixels: (batch, height, width, channels), float32.
        size: Height and width to come, numbers or scalar int32 tensors.

    Returns:
        (batch, *size, channels), float32.
    """
    for axis, length in zip((1, 2), tf.unstack(tf.stack(size)), strict=True):
        pixels = _resized_along(pixels, length, axis)
    return pixels


def _resized_along(pixels, length, axis):
    sources, weights = _taps(tf.shape(pixels)[axis], length)
    shape = [1] * 4
    shape[axis] = -1

    def add(tap, total):
        taken = tf.gather(pixels, sources[:, tap], axis=axis)
        return tap + 1, total + tf.reshape(weights[:, tap], shape) * taken

    nothing = tf.zeros_like(tf.gather(pixels, sources[:, 0], axis=axis))
    n_taps = tf.shape(weights)[1]
    return tf.while_loop(lambda tap, _: tap < n_taps, add, (0, nothing))[1]


def _taps(n_before, n_after):
    """Pixels of which each new one is a mean, and their weights, `(n_after, n_taps)`.

    The weights fall linearly to 0 at the distance of the pixel that is the next one in
    the smaller of the two images.
    """
    step = _quotient(1.0, _quotient(n_after, n_before))
    reach = tf.maximum(step, 1.0)
    centre = (tf.range(n_after, dtype=tf.float32) + 0.5) * step
    first, last = (
        tf.clip_by_value(tf.cast(place, tf.int32), 0, n_before - 1)
        for place in (
            tf.math.ceil(centre - reach - 0.5),
            tf.floor(centre + reach - 0.5),
        )
    )
    n_taps = tf.reduce_max(last - first) + 1
    sources = first[:, None] + tf.range(n_taps)
    distance = tf.cast(sources, tf.float32) + 0.5 - centre[:, None]
    weights = tf.maximum(1.0 - tf.abs(distance * _quotient(1.0, reach)), 0.0)
    weights = tf.where(sources <= last[:, None], weights, 0.0)
    total = tf.while_loop(  # `reduce_sum` would add them in another order
        lambda tap, _: tap < n_taps,
        lambda tap, total: (tap + 1, total + weights[:, tap]),
        (0, tf.zeros_like(centre)),
    )[1]
    sources = tf.minimum(sources, n_before - 1)
    return sources, weights * _quotient(1.0, total)[:, None]


def _quotient(dividend, divisor):
    """The float32 nearest to a quotient, which float32 kernels do not always give."""
    return tf.cast(
        tf.cast(dividend, tf.float64) / tf.cast(divisor, tf.float64), tf.float32
    )
