"""Grey-scale morphology with cross-shaped elements, in TensorFlow ops."""

import tensorflow as tf


def sliding_maximum(images, window, axis):
    """Return the maximum over a centred window along one axis.

    Windows are doubled (1, 2, 4, ...), so the cost grows with the logarithm of the
    window. Pixels beyond the border do not count, as in OpenCV.

    Args:
        images: Float tensor of rank 3, (batch, height, width).
        window: Odd window length in pixels.
        axis: 1 for columns (vertical window), 2 for rows.

    Returns:
        Tensor of the shape of `images`.
    """
    paddings = [[0, 0], [0, 0], [0, 0]]
    paddings[axis] = [window // 2, window // 2]
    maxima = tf.pad(images, paddings, constant_values=images.dtype.min)
    reached = 1
    while reached < window:
        step = min(reached, window - reached)
        ahead, behind = [slice(None)] * 3, [slice(None)] * 3
        ahead[axis], behind[axis] = slice(step, None), slice(None, -step)
        maxima = tf.maximum(maxima[tuple(behind)], maxima[tuple(ahead)])
        reached += step
    return maxima


def cross_dilation(images, size):
    """Return the dilation with a `size` x `size` cross, (batch, height, width)."""
    return tf.maximum(
        sliding_maximum(images, size, axis=1), sliding_maximum(images, size, axis=2)
    )


def cross_erosion(images, size):
    """Return the erosion with a `size` x `size` cross, (batch, height, width)."""
    return -cross_dilation(-images, size)


def cross_black_hat(images, size):
    """Return closing minus image: dark structures narrower than the cross.

    Equals `cv2.morphologyEx(image, cv2.MORPH_BLACKHAT, cross)` with OpenCV's
    default border.

    Args:
        images: Float tensor, (batch, height, width).
        size: Odd side of the cross in pixels.

    Returns:
        Tensor of the shape of `images`, not negative.
    """
    return cross_erosion(cross_dilation(images, size), size) - images
