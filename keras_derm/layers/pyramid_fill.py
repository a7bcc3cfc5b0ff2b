"""Fill masked pixels from their surroundings with a push-pull pyramid."""

import tensorflow as tf

_N_LEVELS = 6


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
    levels = [(images, 1.0 - tf.cast(mask, images.dtype))]
    for _ in range(_N_LEVELS):
        levels.append(_halve(*levels[-1]))
    filled = _known_mean(*levels[-1])
    for colour, known in reversed(levels):
        enlarged = tf.image.resize(filled, tf.shape(colour)[1:3])
        filled = tf.where(known > 0, colour, enlarged)
    nothing_known = tf.reduce_all(mask, axis=(1, 2, 3), keepdims=True)
    return tf.where(nothing_known, images, filled)


def _halve(colour, known):
    """Return the mean of the known pixels in 2x2 blocks, and which blocks have any."""
    both = tf.concat([colour * known, known], axis=-1)
    both = tf.nn.avg_pool2d(both, 2, 2, "SAME")
    colour, share = both[..., :-1], both[..., -1:]
    return tf.math.divide_no_nan(colour, share), tf.cast(share > 0, colour.dtype)


def _known_mean(colour, known):
    total = tf.reduce_sum(colour * known, axis=(1, 2), keepdims=True)
    return tf.math.divide_no_nan(
        total, tf.reduce_sum(known, axis=(1, 2), keepdims=True)
    )
