"""A fill of masked pixels: what `keras_derm.layers.pyramid_fill` does."""

import functools

import numpy as np

N_LEVELS = 6
"""Halvings of the push-pull pyramid."""


def pyramid_fill(image, mask):
    """Replace the masked pixels by a smooth continuation of the others.

    Args:
        image: (height, width, 3), float32.
        mask: (height, width), bool; true where unknown.

    Returns:
        (height, width, 3), float32; an image that is masked whole, or nowhere, as it
        is.
    """
    if mask.all() or not mask.any():
        return image
    known = ~mask
    colour, levels = image * known[..., np.newaxis].astype("float32"), []
    for _ in range(N_LEVELS):
        levels.append((colour, known))
        share = _half(known[..., np.newaxis].astype("float32"))
        colour = _half(colour)
        known = share[..., 0] > 0
        colour[known] /= share[known]
        colour[~known] = 0
    filled = colour
    if not known.all():
        filled = np.where(known[..., np.newaxis], colour, colour[known].mean(axis=0))
    for colour, known in reversed(levels):
        _take_enlarged(colour, ~known, filled)
        filled = colour
    return filled


def _half(image):
    """Means of squares of two pixels; at the end of an odd side, of what is there."""
    height, width = image.shape[:2]
    total = image[0::2].copy()
    total[: height // 2] += image[1::2]
    across = total[:, 0::2].copy()
    across[:, : width // 2] += total[:, 1::2]
    n_down, n_across = (
        np.where(2 * np.arange((side + 1) // 2) + 1 < side, 2, 1)
        for side in (height, width)
    )
    return across / np.outer(n_down, n_across)[..., np.newaxis].astype("float32")


def _take_enlarged(image, unknown, coarse):
    """Set the unknown pixels to those of a coarse image, enlarged bilinearly."""
    down, across = np.nonzero(unknown)
    (top, bottom, down_share), (left, right, across_share) = (
        [part[index] for part in _neighbours(n_coarse, n)]
        for index, n_coarse, n in zip(
            (down, across), coarse.shape[:2], image.shape[:2], strict=True
        )
    )
    above, below = (
        _between(coarse[row, left], coarse[row, right], across_share)
        for row in (top, bottom)
    )
    image[down, across] = _between(above, below, down_share)


def _between(first, second, share):
    return first + (second - first) * share[:, np.newaxis]


@functools.lru_cache(maxsize=64)
def _neighbours(n_before, n_after):
    """Of each new pixel the old ones around it, and how far it is from the first."""
    step = np.float32(n_before) / np.float32(n_after)
    half = np.float32(0.5)
    place = (np.arange(n_after, dtype="float32") + half) * step - half
    first = np.floor(place)
    return (
        np.maximum(first, 0).astype(int),
        np.minimum(np.ceil(place), n_before - 1).astype(int),
        place - first,
    )
