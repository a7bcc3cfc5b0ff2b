"""Masked pixels: the mean of the others, and a fill by a push-pull pyramid."""

import tensorflow as tf

from keras_derm.preparations.fill import N_LEVELS


def masked_mean(values, weights):
    """Return the weighted mean of each image and channel; 0 where no pixel counts.

    Values and weights are of one shape, (batch, height, width, ...); what is returned
    has height and width of 1.
    """
    total = tf.reduce_sum(values * weights, axis=(1, 2), keepdims=True)
    return tf.math.divide_no_nan(
        total, tf.reduce_sum(weights, axis=(1, 2), keepdims=True)
    )


def pyramid_fill(images, mask):
    """Replace the masked pixels by a smooth continuation of the others.

    Push: the image is halved again and again, each coarse pixel being the mean of
    the known pixels below it. Pull: from the coarsest level back, each unknown
    pixel takes the bilinearly enlarged coarser level. Holes wider than about 64
    pixels take the mean of all known pixels in their middle; an image that is
    masked whole comes back unchanged.

    Args:
        images: (batch, height, width, channels), float32.
        mask: (batch, height, width, 1), bool; true where unknown.

    Returns:
        Tensor of the shape of `images`; known pixels are untouched.

    Reference:
        Gortler et al., The Lumigraph, SIGGRAPH 1996 (push-pull).
    """
    nothing_known = tf.reduce_all(mask, axis=(1, 2, 3), keepdims=True)
    known = _for_each_channel(~mask | nothing_known, images)
    colour, levels = images * known, []
    for _ in range(N_LEVELS):
        levels.append((colour, known))
        share = _half(known)
        known = tf.cast(share > 0, images.dtype)
        colour = tf.math.divide_no_nan(_half(colour), share)
    filled = tf.where(known > 0, colour, masked_mean(colour, known))
    for colour, known in reversed(levels):
        filled = tf.image.resize(filled, tf.shape(colour)[1:3])
        filled = colour + (1.0 - known) * filled
    return filled


def _for_each_channel(mask, images):
    """Return a mask as numbers of the shape of `images`.

    A product with ones copies it along the channels several times as fast as
    broadcasting does, here and in everything that follows.
    """
    ones = tf.ones((1, images.shape[-1]), images.dtype)
    channels = tf.matmul(tf.reshape(tf.cast(mask, images.dtype), (-1, 1)), ones)
    return tf.reshape(channels, tf.shape(images))


def _half(images):
    return tf.nn.avg_pool2d(images, 2, 2, "SAME")
