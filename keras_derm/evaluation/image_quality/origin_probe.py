"""Whether traces of how images were made tell real from synthetic ones."""

import numpy as np
import pandas as pd
from scipy.ndimage import convolve1d
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from keras_derm.evaluation.statistics.delong import delong_interval

TRACES = ("value range", "pixel grid", "sharpness")
LEAST_IMAGES = 40
N_FOLDS = 5
N_BANDS = 8


def probe_origin(real, made, seed=0):
    """Tell real from made images by traces that no lesion causes.

    A classifier trained on both can learn such a trace in place of the disease, as
    synthetic images have a diagnosis more often than chance. A linear probe is
    trained on each kind of trace and judged on images it did not see.

    Args:
        real: Real images, uint8 (n, side, side, 3), as the classifier is given them.
            Draw them with the diagnoses of the made images.
        made: Made images, uint8 (m, side, side, 3), as the classifier is given them.
        seed: Seed of which images are taken, as many of each, and of the folds.

    Returns:
        `pandas.DataFrame`, one row a kind of trace: `trace`, `n` (images of each
        origin), `auc` of the probe, 0.5 where the trace tells nothing, and its 95 %
        interval `low`, `high`.

    Raises:
        ValueError: If there are fewer than 40 images of an origin, or the images are
            not uint8 of one size.
    """
    n_images = min(len(real), len(made))
    if n_images < LEAST_IMAGES or real.shape[1:] != made.shape[1:]:
        raise ValueError(
            f"the probe needs {LEAST_IMAGES} images of each origin and of one size. "
            f"Received: shapes {real.shape} and {made.shape}"
        )
    if real.dtype != np.uint8 or made.dtype != np.uint8:
        raise ValueError(
            f"images must be uint8. Received: {real.dtype} and {made.dtype}"
        )
    generator = np.random.default_rng(seed)
    images = np.concatenate(
        [part[generator.permutation(len(part))[:n_images]] for part in (real, made)]
    )
    is_made = np.repeat([False, True], n_images)
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    unseen = {"cv": folds, "method": "decision_function"}
    rows = []
    for trace, describe in zip(
        TRACES, (value_range, pixel_grid, sharpness), strict=True
    ):
        scores = cross_val_predict(probe, describe(images), is_made, **unseen)
        rows.append((trace, n_images, *delong_interval(is_made, scores)))
    return pd.DataFrame(rows, columns=["trace", "n", "auc", "low", "high"])


def value_range(images):
    """Traces of stretching and clipping the values of pixels.

    Stretched values leave gaps in a histogram, squeezed ones make peaks: counts then
    differ from the mean of their neighbours by more than chance. What an image shows
    does not do that.

    Args:
        images: uint8 (n, side, side, 3).

    Returns:
        float array (n, 12): for each channel the share of pixels at 0, the share at
        255, the logarithm of the roughness of the histogram (1 by chance alone), and
        the share of pixels with an even value.
    """
    features = []
    for image in images:
        for channel in np.moveaxis(image, -1, 0):
            counts = np.bincount(channel.ravel(), minlength=256).astype(float)
            inner = counts[1:-1]
            rough = ((inner - (counts[:-2] + counts[2:]) / 2) ** 2).sum()
            rough = np.log((rough + 1) / (1.5 * inner.sum() + 1))
            shares = counts / channel.size
            features.append([shares[0], shares[255], rough, shares[::2].sum()])
    return np.reshape(features, (len(images), -1))


def pixel_grid(images):
    """Traces of JPEG blocks, at any scale since, and of upsampling by a network.

    At the borders of blocks neighbouring pixels differ more. The mean difference of
    neighbouring columns (and rows) is a signal along the image; borders at equal
    distances are lines of its spectrum, higher than what lies beside them. How sharp
    or smooth an image is moves a line and its neighbours alike.

    Args:
        images: uint8 (n, side, side, 3).

    Returns:
        float array (n, side // 2 - 3): logarithm of the amplitude at each frequency
        but the lowest over that of its four neighbours, averaged over both directions.
    """
    grey = images.mean(axis=-1, dtype="float32")
    lines = []
    for axis in (1, 2):
        signal = np.abs(np.diff(grey, n=2, axis=axis)).mean(axis=3 - axis)
        signal = signal - signal.mean(axis=1, keepdims=True)
        signal = signal * np.hanning(signal.shape[1])
        amplitude = np.log(np.abs(np.fft.rfft(signal, axis=1))[:, 3:] + 1e-6)
        beside = convolve1d(amplitude, [0.25, 0.25, 0, 0.25, 0.25], axis=1)
        lines.append(amplitude - beside)
    return np.mean(lines, axis=0)


def sharpness(images):
    """Traces of resizing and of a network's upsampling: power by spatial frequency.

    Args:
        images: uint8 (n, side, side, 3).

    Returns:
        float array (n, 8): logarithm of the share of power in eight rings of equal
        width, from the lowest frequencies to half a cycle a pixel.
    """
    grey = images.mean(axis=-1, dtype="float32")
    side = grey.shape[1]
    window = np.hanning(side)[:, None] * np.hanning(side)
    grey = (grey - grey.mean(axis=(1, 2), keepdims=True)) * window
    power = np.abs(np.fft.fft2(grey)) ** 2
    frequency = np.fft.fftfreq(side)
    radius = np.hypot(frequency[:, None], frequency)
    ring = np.minimum((radius * 2 * N_BANDS).astype(int), N_BANDS)
    bands = [power[:, ring == band].sum(axis=1) for band in range(N_BANDS)]
    bands = np.stack(bands, axis=1)
    shares = bands / np.maximum(bands.sum(axis=1, keepdims=True), 1e-6)
    return np.log(shares + 1e-9)
