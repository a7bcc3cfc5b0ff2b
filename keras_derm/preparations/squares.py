"""Photographs of any shape as squares: what `SquareResize` and `SquarePad` do."""

import functools

import numpy as np

BLOCK = 2**20
"""Numbers of a photograph that are worked on at once, so that few are held."""


def stretched_square(image, size):
    """A photograph stretched to a square, as `keras_derm.layers.SquareResize` does.

    Args:
        image: (height, width, 3), RGB, uint8.
        size: Side of the result in pixels.

    Returns:
        (size, size, 3), float32 in [0, 255].
    """
    return resized(image, (size, size))


def padded_square(image, size, fill="reflect"):
    """A photograph fitted into a square, as `keras_derm.layers.SquarePad` does.

    Args:
        image: (height, width, 3), RGB, uint8.
        size: Side of the result in pixels.
        fill: "reflect" or "black", what the rest is filled with.

    Returns:
        (size, size, 3), float32 in [0, 255].
    """
    longer = max(image.shape[:2])
    content = [max(1, (2 * size * n + longer) // (2 * longer)) for n in image.shape[:2]]
    pixels = resized(image, content)
    for axis, length in enumerate(content):
        if length < size:
            pixels = _padded(pixels, size, length, axis, fill)
    return pixels


def resized(image, size):
    """What `tf.image.resize(image, size, antialias=True)` gives, to the bit.

    Args:
        image: (height, width, 3), uint8.
        size: Height and width to come.

    Returns:
        (*size, 3), float32 in [0, 255].
    """
    height, width = size
    down = _resized_down(image, height)
    across = _resized_down(np.ascontiguousarray(down.transpose(1, 0, 2)), width)
    # The weights sum to 1 only up to rounding.
    return np.clip(across.transpose(1, 0, 2), 0.0, 255.0)


def _resized_down(pixels, length):
    """Pixels at another height: the same products and sums in the same order."""
    n_rows = len(pixels)
    rows = pixels.reshape(n_rows, -1)
    if n_rows == length:
        return pixels.astype("float32")
    sources, weights = _taps(n_rows, length)
    resized = np.zeros((length, rows.shape[1]), "float32")
    step = max(1, BLOCK // n_rows)
    for start in range(0, rows.shape[1], step):
        columns = slice(start, start + step)
        block = rows[:, columns].astype("float32")
        total = resized[:, columns]
        tap = np.empty_like(total)
        for source, weight in zip(sources.T, weights.T, strict=True):
            np.take(block, source, axis=0, out=tap, mode="clip")
            tap *= weight[:, np.newaxis]
            total += tap
    return resized.reshape(length, *pixels.shape[1:])


@functools.lru_cache(maxsize=64)
def _taps(n_before, n_after):
    """Pixels of which each new one is a mean, and their weights, `(n_after, n_taps)`.

    In float32 and rounded as `keras_derm.layers.antialiased_resize` has it.
    """
    step = _quotient(1.0, _quotient(n_after, n_before))
    reach = np.maximum(step, np.float32(1))
    half = np.float32(0.5)
    centre = (np.arange(n_after, dtype="float32") + half) * step
    first, last = (
        place.astype("int64").clip(0, n_before - 1)
        for place in (np.ceil(centre - reach - half), np.floor(centre + reach - half))
    )
    sources = first[:, np.newaxis] + np.arange((last - first).max() + 1)
    distance = sources.astype("float32") + half - centre[:, np.newaxis]
    weights = np.maximum(1 - np.abs(distance * _quotient(1.0, reach)), np.float32(0))
    weights[sources > last[:, np.newaxis]] = 0
    total = np.zeros_like(centre)
    for tap in weights.T:
        total += tap
    weights *= _quotient(1.0, total)[:, np.newaxis]
    return np.minimum(sources, n_before - 1), weights


def _quotient(dividend, divisor):
    """The float32 nearest to a quotient."""
    return np.float32(np.float64(dividend) / np.float64(divisor))


def _padded(pixels, size, length, axis, fill):
    before = (size - length) // 2
    if fill == "black":
        paddings = [(0, 0)] * 3
        paddings[axis] = before, size - length - before
        return np.pad(pixels, paddings)
    position = (np.arange(size) - before) % (2 * length)
    mirrored = np.minimum(position, 2 * length - 1 - position)
    return np.take(pixels, mirrored, axis=axis)
