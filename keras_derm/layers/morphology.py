"""Grey-scale morphology with crosses, squares and lines, in TensorFlow ops.

Images are (batch, height, width) of float32 or uint8 (four times as fast on a CPU).
Sizes may be numbers or, where the size of the image is not known beforehand, scalar
int32 tensors. Pixels beyond the border do not count, as in OpenCV.
"""

import numpy as np
import tensorflow as tf

_MOST_DOUBLINGS = 8


def odd_size(width):
    """Return the odd number of pixels, 3 or more, nearest to a width.

    Args:
        width: Number, or float tensor where the size of the image is not known.

    Returns:
        int, or int32 tensor.
    """
    if tf.is_tensor(width):
        return tf.maximum(3, 2 * tf.cast(tf.round((width - 1) / 2), tf.int32) + 1)
    return max(3, 2 * round((width - 1) / 2) + 1)


def sliding_maximum(images, window, axis):
    """Return the maximum over a centred window along one axis.

    Windows are doubled (1, 2, 4, ...), so the cost grows with the logarithm of the
    window.

    Args:
        images: (batch, height, width).
        window: Odd window length in pixels, up to 255 where it is a tensor.
        axis: 1 for columns (vertical window), 2 for rows.

    Returns:
        Tensor of the shape of `images`.
    """
    paddings = [[0, 0], [0, 0], [0, 0]]
    paddings[axis] = [window // 2, window // 2]
    maxima = tf.pad(images, paddings, constant_values=images.dtype.min)
    for step in _doublings(window):
        maxima = tf.maximum(
            *(_moved(maxima, step, axis, ahead) for ahead in (False, True))
        )
    return maxima


def cross_dilation(images, size):
    """Return the dilation with a `size` x `size` cross."""
    return tf.maximum(
        sliding_maximum(images, size, axis=1), sliding_maximum(images, size, axis=2)
    )


def cross_erosion(images, size):
    """Return the erosion with a `size` x `size` cross."""
    return _inverted(cross_dilation(_inverted(images), size))


def cross_black_hat(images, size):
    """Return closing minus image: dark structures narrower than the cross.

    Equals `cv2.morphologyEx(image, cv2.MORPH_BLACKHAT, cross)` with OpenCV's
    default border.
    """
    return cross_erosion(cross_dilation(images, size), size) - images


def square_dilation(images, size):
    """Return the dilation with a `size` x `size` square."""
    return sliding_maximum(sliding_maximum(images, size, axis=1), size, axis=2)


def square_black_hat(images, size):
    """Return closing minus image: dark structures narrower than the square."""
    closed = _inverted(square_dilation(_inverted(square_dilation(images, size)), size))
    return closed - images


def longest_line_opening(images, length, n_angles):
    """Return the greatest opening with straight lines of several directions.

    What is left is bright along `length` pixels in at least one of the directions.
    A line is sampled at 16 points, so that its cost does not grow with its length:
    gaps appear in lines of more than 16 pixels, as they do in thinner hairs.

    Args:
        images: (batch, height, width).
        length: Length of the lines in pixels, a number or a float tensor.
        n_angles: Number of directions, spread evenly over 180 degrees.

    Returns:
        Tensor of the shape of `images`, nowhere above it.
    """
    opened = None
    for angle in np.pi * np.arange(n_angles) / n_angles:
        shifts = _line_shifts(length, angle)
        line = _line_opening(images, shifts)
        opened = line if opened is None else tf.maximum(opened, line)
    return opened


def _line_shifts(length, angle):
    """Return the steps (down, across) whose sums are the 16 points of a line."""
    direction = np.array([np.sin(angle), np.cos(angle)])
    steps = []
    for share in (1 / 15, 2 / 15, 4 / 15, 8 / 15):
        if tf.is_tensor(length):
            step = tf.round(length * (share * direction).astype("float32"))
            steps.append(tf.unstack(tf.cast(step, tf.int32)))
        else:
            steps.append([round(length * share * part) for part in direction.tolist()])
    return steps


def _line_opening(images, steps):
    # Angles lie within [0, 180): lines run downwards, to the right or to the left.
    reach = sum(step[0] for step in steps), abs(sum(step[1] for step in steps))
    # The middle of every line lies inside the picture; its ends may not.
    before = [length // 2 for length in reach]
    after = [length - part for length, part in zip(reach, before, strict=True)]
    lines = _padded(images, before, after, images.dtype.max)
    for step in steps:
        lines = tf.minimum(*_pair(lines, step))
    lines = _padded(lines, after, before, images.dtype.min)
    for step in steps:
        lines = tf.maximum(*_pair(lines, step))
    return tf.ensure_shape(lines, images.shape)


def _padded(images, before, after, value):
    paddings = [[0, 0], [before[0], after[0]], [before[1], after[1]]]
    return tf.pad(images, paddings, constant_values=value)


def _pair(images, step):
    """Return the image and its copy one step away, cut to what both cover."""
    down, across = step
    height, width = tf.shape(images)[1] - down, tf.shape(images)[2] - abs(across)
    left, right = tf.maximum(-across, 0), tf.maximum(across, 0)
    return (
        images[:, :height, left : left + width],
        images[:, down:, right : right + width],
    )


def _doublings(window):
    """Return the shifts whose maxima, one after the other, cover the window."""
    steps, reached = [], 1
    if tf.is_tensor(window):
        for _ in range(_MOST_DOUBLINGS):
            steps.append(tf.minimum(reached, window - reached))
            reached = reached + steps[-1]
        return steps
    while reached < window:
        steps.append(min(reached, window - reached))
        reached += steps[-1]
    return steps


def _moved(images, step, axis, ahead):
    index = [slice(None)] * 3
    length = tf.shape(images)[axis] - step
    index[axis] = slice(step, None) if ahead else slice(None, length)
    return images[tuple(index)]


def _inverted(images):
    return 255 - images if images.dtype == tf.uint8 else -images
