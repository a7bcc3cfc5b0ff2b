"""Fine structure of images: spectrum, sharpness, and grids that upsampling leaves."""

import numpy as np
from scipy.ndimage import laplace

GREY = np.array([0.2125, 0.7154, 0.0721])
N_BANDS = 10
LOWEST, HIGHEST = 1 / 16, 1 / 2
"""Frequencies of the spectrum, in cycles a pixel: below lies what an image is of."""

FINEST_PERIODS = 8
"""Grids are looked for at multiples of an eighth of a cycle: strides of 8, 4 and 2."""

LEAST_POWER = 0.05
"""Power that is added before logarithms are taken, in squared grey levels: what
rounding to whole grey levels makes (1/12) is not told from nothing."""


def power_spectra(images):
    """Power of each frequency: float (n, side, side), in squared grey levels.

    White noise has its variance at every frequency. Images are grey, without their
    mean, and under a Hann window, so that opposite borders that differ are no grid.

    Args:
        images: uint8 (n, side, side, 3).
    """
    grey = np.asarray(images, dtype="float32") @ GREY.astype("float32")
    window = np.outer(*[np.hanning(side + 1)[:-1] for side in grey.shape[1:]])
    grey = (grey - grey.mean(axis=(1, 2), keepdims=True)) * window
    transformed = np.fft.fft2(grey)
    return np.abs(transformed) ** 2 / (window**2).sum()


def log_spectra(power):
    """Logarithm of the mean power in rings of equal width: float (n, 10), in nats.

    Args:
        power: What `power_spectra` gives.
    """
    rows, columns = np.meshgrid(*[np.fft.fftfreq(n) for n in power.shape[1:]])
    radius = np.hypot(rows, columns).T
    edges = np.linspace(LOWEST, HIGHEST, N_BANDS + 1)
    bands = [
        (radius >= low) & (radius < high)
        for low, high in zip(edges[:-1], edges[1:], strict=True)
    ]
    rings = [power[:, band].mean(axis=1) for band in bands]
    return np.log(np.stack(rings, axis=1) + LEAST_POWER)


def grid_excess(power):
    """How far the frequencies of grids stand out of those about them, in nats.

    A layer that enlarges an image by a stride leaves a pattern of that period, which
    is power at the multiples of its frequency and at none between.

    Args:
        power: What `power_spectra` gives.

    Returns:
        float array (n, k): for each frequency of a grid, but for those that are the
        same up to a turn or mirroring, the logarithm of its power over that of its
        neighbourhood.
    """
    height, width = power.shape[1:]
    found = []
    for i in range(FINEST_PERIODS // 2 + 1):
        for j in range(i, FINEST_PERIODS // 2 + 1):
            if i == j == 0:
                continue
            places = {(i, j), (j, i), (i, -j), (j, -i)}
            peak, about = [], []
            for u, v in places:
                row = round(u * height / FINEST_PERIODS)
                column = round(v * width / FINEST_PERIODS)
                peak.append(_square(power, row, column, 0))
                about.append(_ring(power, row, column))
            peak, about = np.mean(peak, axis=0), np.mean(about, axis=0)
            found.append(np.log((peak + LEAST_POWER) / (about + LEAST_POWER)))
    return np.stack(found, axis=1)


def _square(power, row, column, reach):
    rows = np.arange(row - reach, row + reach + 1) % power.shape[1]
    columns = np.arange(column - reach, column + reach + 1) % power.shape[2]
    return power[:, rows][:, :, columns].mean(axis=(1, 2))


def _ring(power, row, column):
    """Mean power at two steps from a frequency, past what the window spreads."""
    inner, outer = (
        9 * _square(power, row, column, 1),
        25 * _square(power, row, column, 2),
    )
    return (outer - inner) / 16


def sharpness(images):
    """Energy of the Laplacian of each grey image, logarithm: float (n,), in nats."""
    grey = np.asarray(images, dtype="float32") @ GREY.astype("float32")
    edges = np.stack([laplace(image)[1:-1, 1:-1] for image in grey])
    return np.log((edges**2).mean(axis=(1, 2)) + LEAST_POWER)
