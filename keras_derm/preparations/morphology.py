"""Grey-scale morphology on one picture: what `keras_derm.layers.morphology` does.

Pictures are (height, width), uint8. Pixels beyond the border do not count.
"""

import cv2
import numpy as np

REFERENCE_SIZE = 224
"""Short side in pixels to which the lengths of the layers belong."""

LINE_SHARES = (1 / 15, 2 / 15, 4 / 15, 8 / 15)
"""Steps whose sums are the 16 points of a line, as shares of its length."""


def length_scale(picture):
    """Short side of a picture or image over `REFERENCE_SIZE`."""
    return min(picture.shape[:2]) / REFERENCE_SIZE


def odd_size(width):
    """The odd number of pixels, 3 or more, nearest to a width."""
    return max(3, 2 * round((width - 1) / 2) + 1)


def line_margin(length):
    """Pixels around a picture that no line of a length leaps over."""
    return int(length / 15 + 3)


def line_steps(length, angle):
    """Steps (down, across) whose sums are the 16 points of a line."""
    down, across = np.sin(angle), np.cos(angle)
    return [
        (round(length * share * down), round(length * share * across))
        for share in LINE_SHARES
    ]


def square_dilation(picture, size):
    """Dilation with a square."""
    return cv2.dilate(picture, _square(size))


def square_black_hat(picture, size):
    """Closing minus picture: dark structures narrower than the square."""
    return cv2.morphologyEx(picture, cv2.MORPH_BLACKHAT, _square(size))


def cross_dilation(picture, size):
    """Dilation with a cross."""
    return cv2.dilate(picture, _cross(size))


def cross_black_hat(picture, size):
    """Closing minus picture: dark structures narrower than the cross."""
    return cv2.morphologyEx(picture, cv2.MORPH_BLACKHAT, _cross(size))


def opened_with_lines(masks, length, n_angles):
    """Openings of masks with straight lines of several directions, united.

    Args:
        masks: (height, width), uint8; each bit is a mask of its own.
        length: Length of the lines in pixels.
        n_angles: Number of directions, spread evenly over 180 degrees.

    Returns:
        uint8 of the same shape: what goes on along such a line in at least one of the
        directions.
    """
    if not masks.any():
        return masks
    margin = line_margin(length)
    padded = np.pad(masks, margin)
    # One long row of pixels: a step in any direction is a shift along it.
    row, stride = padded.ravel(), padded.shape[1]
    opened = np.zeros_like(row)
    for angle in np.pi * np.arange(n_angles) / n_angles:
        shifts = [down * stride + across for down, across in line_steps(length, angle)]
        opened |= _opened(row, [shift for shift in shifts if shift])
    inner = slice(margin, -margin)
    return opened.reshape(padded.shape)[inner, inner]


def _opened(row, shifts):
    """Opening of a row of pixels, 0 beyond its ends, with a line of these shifts."""
    for shift in shifts:
        eroded = np.zeros_like(row)
        here, there = _apart(len(row), shift)
        np.bitwise_and(row[here], row[there], out=eroded[here])
        row = eroded
    for shift in shifts:
        dilated = row.copy()
        there, here = _apart(len(row), shift)
        np.bitwise_or(row[here], row[there], out=dilated[here])
        row = dilated
    return row


def _apart(length, shift):
    """Two slices of a row, of which the second is `shift` pixels further on."""
    n = length - abs(shift)
    first, second = slice(0, n), slice(length - n, length)
    return (first, second) if shift > 0 else (second, first)


def _square(size):
    return cv2.getStructuringElement(cv2.MORPH_RECT, (size, size))


def _cross(size):
    return cv2.getStructuringElement(cv2.MORPH_CROSS, (size, size))
