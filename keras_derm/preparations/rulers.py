"""Rulers found and painted over: what `ArtefactSuppression(["ruler"])` does."""

import numpy as np

from keras_derm.preparations.fill import pyramid_fill
from keras_derm.preparations.morphology import (
    length_scale,
    odd_size,
    square_black_hat,
    square_dilation,
)

BLACK = 40
RIM_WIDTH = 7
TICK_WIDTH, TICK_RESPONSE, TICK_DENSITY = 5, 15, 0.01
BAND = 0.15
PERIODS = (0.03, 0.2)
LEAST_PERIODICITY, LEAST_FALL = 0.45, 0.2


def without_rulers(image):
    """An image without rulers.

    Args:
        image: (height, width, 3), RGB, float32 in [0, 255].

    Returns:
        float32 of the same shape.
    """
    return pyramid_fill(image, ruler_mask(image))


def ruler_mask(image):
    """Where thin dark marks along one side come back at equal distances.

    Args:
        image: (height, width, 3), RGB, float32 in [0, 255].

    Returns:
        (height, width), bool.
    """
    scale = length_scale(image)
    red, green, blue = np.moveaxis(image, -1, 0)
    grey = np.rint((red + green + blue) / np.float32(3)).astype("uint8")
    thin = square_black_hat(grey, odd_size(TICK_WIDTH * scale)) > TICK_RESPONSE
    thin &= ~dark_corners(image, scale)
    ruler = np.zeros_like(thin)
    for marks, of_side in ((thin, ruler), (thin.T, ruler.T)):
        depth = int(np.ceil(np.float32(BAND) * np.float32(len(marks))))
        for side in (slice(depth), slice(-depth, None)):
            band = marks[side]
            density = band.sum(axis=0).astype("float32")
            if density.mean() > TICK_DENSITY * depth and (
                _periodicity(density) > LEAST_PERIODICITY
            ):
                of_side[side] |= band
    return square_dilation(ruler.astype("uint8"), 3) > 0


def dark_corners(image, scale):
    """Where it is black from the border inwards without a break, and the rim beside."""
    red, green, blue = np.moveaxis(image, -1, 0)
    black = np.maximum(np.maximum(red, green), blue) < BLACK
    if black.all() or not black.any():  # a picture black all over has no corners
        return np.zeros_like(black)
    both_ways = (slice(None), slice(None, None, -1))
    reached = np.zeros_like(black)
    for way in both_ways:
        reached |= np.logical_and.accumulate(black[way])[way]
        across = np.logical_and.accumulate(black[:, way], axis=1)
        reached |= across[:, way]
    return square_dilation(reached.astype("uint8"), odd_size(RIM_WIDTH * scale)) > 0


def _periodicity(density):
    """Greatest autocorrelation of (length,) within the periods of a ruler."""
    length = len(density)
    # Zeros behind the signal, so that the circle of the transform does not close.
    spectrum = np.fft.rfft(density - density.mean(), 2 * length)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2, 2 * length)[:length]
    lag = np.arange(length)
    if correlation[0] <= 0:
        return 0.0
    relative = correlation / (correlation[0] * ((length - lag) / length))
    asked = (lag / length >= PERIODS[0]) & (lag / length <= PERIODS[1])
    # A hump at a short distance is a wide mark, not a repetition: it must first fall.
    fallen = np.maximum.accumulate(relative < LEAST_FALL)
    return np.where(asked & fallen, relative, 0.0).max()
