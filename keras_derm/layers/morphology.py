"""Grey-scale morphology with crosses, squares and lines, in TensorFlow ops.

Images are (batch, height, width) of float32 or uint8 (four times as fast on a CPU).
Sizes may be numbers or, where the size of the image is not known beforehand, scalar
int32 tensors. Pixels beyond the border do not count, as in OpenCV.

Inside, a batch is one long row of pixels with a margin around every image: a shift
in any direction is then a shift along that row, which costs no copy of rows.
"""

import numpy as np
import tensorflow as tf

from keras_derm.layers.accelerator import is_for_accelerator
from keras_derm.preparations import morphology as of_one_picture
from keras_derm.preparations.morphology import LINE_SHARES, REFERENCE_SIZE

_MOST_DOUBLINGS = 12  # windows of up to 4,096 pixels


def length_scale(images):
    """Return the short side of (batch, height, width, ...) over `REFERENCE_SIZE`.

    It is a number, or a scalar float32 tensor where the size is not known beforehand.
    """
    height, width = images.shape[1:3]
    if height is not None and width is not None:
        return min(height, width) / REFERENCE_SIZE
    short_side = tf.reduce_min(tf.shape(images)[1:3])
    return tf.cast(short_side, tf.float32) / REFERENCE_SIZE


def odd_size(width):
    """Return the odd number of pixels, 3 or more, nearest to a width: int or tensor."""
    if tf.is_tensor(width):
        return tf.maximum(3, 2 * tf.cast(tf.round((width - 1) / 2), tf.int32) + 1)
    return of_one_picture.odd_size(width)


def cross_dilation(images, size):
    """Return the dilation with a `size` x `size` cross."""
    row = _PixelRow(images, size // 2)
    return row.images(tf.maximum(row.window(size, 0), row.window(size, 1)))


def cross_black_hat(images, size):
    """Return closing minus image: dark structures narrower than the cross.

    Equals `cv2.morphologyEx(image, cv2.MORPH_BLACKHAT, cross)` with OpenCV's
    default border.
    """
    return _closed(cross_dilation, images, size) - images


def square_dilation(images, size):
    """Return the dilation with a `size` x `size` square."""
    row = _PixelRow(images, size // 2)
    return row.images(row.window(size, 1, row.window(size, 0)))


def square_black_hat(images, size):
    """Return closing minus image: dark structures narrower than the square."""
    return _closed(square_dilation, images, size) - images


def longest_line_opening(images, length, n_angles):
    """Return the greatest opening with straight lines of several directions.

    What is left is bright along `length` pixels in at least one of the directions,
    all of them inside the image.
    A line is sampled at 16 points, so that its cost does not grow with its length:
    gaps appear in lines of more than 16 pixels, as they do in thinner hairs.

    Args:
        images: (batch, height, width).
        length: Length of the lines in pixels, a number or a float tensor.
        n_angles: Number of directions, spread evenly over 180 degrees.

    Returns:
        Tensor of the shape of `images`, nowhere above it.
    """
    row = _PixelRow(images, _line_margin(length))
    opened = None
    for angle in np.pi * np.arange(n_angles) / n_angles:
        line = row.line_opening(_line_steps(length, angle))
        opened = line if opened is None else tf.maximum(opened, line)
    return row.images(opened)


class _PixelRow:
    """A batch of images as one row of pixels with margins between them.

    Args:
        images: (batch, height, width).
        margin: Pixels around every image, of the least value of the type.
    """

    def __init__(self, images, margin):
        self.shape, self.static_shape = tf.shape(images), images.shape
        self.margin, self.dtype = margin, images.dtype
        least = images.dtype.min
        if images.dtype == tf.uint8 and is_for_accelerator():
            # Bytes have no GPU kernel of `roll`; halves hold every one of them exactly.
            images = tf.cast(images, tf.float16)
        paddings = [[0, 0], [margin, margin], [margin, margin]]
        padded = tf.pad(images, paddings, constant_values=least)
        self.padded_shape = tf.shape(padded)
        self.pixels = tf.reshape(padded, (-1,))

    def images(self, pixels):
        """Return the row as images, without the margins."""
        padded = tf.reshape(pixels, self.padded_shape)
        start = tf.stack([0, self.margin, self.margin])
        images = tf.cast(tf.slice(padded, start, self.shape), self.dtype)
        return tf.ensure_shape(images, self.static_shape)

    def window(self, size, axis, pixels=None):
        """Return the maximum over a centred window down (0) or across (1)."""
        pixels = self.pixels if pixels is None else pixels
        stride = self.padded_shape[2] if axis == 0 else 1
        for step in _doublings(size):
            pixels = tf.maximum(pixels, tf.roll(pixels, -step * stride, 0))
        return tf.roll(pixels, (size // 2) * stride, 0)

    def line_opening(self, steps):
        """Return the opening with the line whose points are the sums of the steps."""
        shifts = [down * self.padded_shape[2] + across for down, across in steps]
        pixels = self.pixels
        for shift in shifts:
            pixels = tf.minimum(pixels, tf.roll(pixels, -shift, 0))
        for shift in shifts:
            pixels = tf.maximum(pixels, tf.roll(pixels, shift, 0))
        return pixels


def _line_margin(length):
    """Return the width of the margin: no line leaps over it from point to point."""
    if tf.is_tensor(length):
        return tf.cast(length / 15 + 3, tf.int32)
    return of_one_picture.line_margin(length)


def _line_steps(length, angle):
    """Return the steps (down, across) whose sums are the 16 points of a line."""
    if not tf.is_tensor(length):
        return of_one_picture.line_steps(length, angle)
    direction = np.array([np.sin(angle), np.cos(angle)])
    steps = []
    for share in LINE_SHARES:
        step = tf.round(length * (share * direction).astype("float32"))
        steps.append(tf.unstack(tf.cast(step, tf.int32)))
    return steps


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


def _closed(dilation, images, size):
    return _inverted(dilation(_inverted(dilation(images, size)), size))


def _inverted(images):
    return 255 - images if images.dtype == tf.uint8 else -images
