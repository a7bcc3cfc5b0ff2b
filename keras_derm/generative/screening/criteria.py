"""How far made images are from real ones: likeness, colour and near copies."""

import numpy as np
from scipy.ndimage import uniform_filter
from skimage.color import rgb2gray
from skimage.feature import graycomatrix, graycoprops
from skimage.transform import resize

from keras_derm.cluster.work import work_on_each
from keras_derm.evaluation import UNKNOWN
from keras_derm.generative.conditions import CONDITION_TONES
from keras_derm.generative.screening.spectra import (
    grid_excess,
    power_spectra,
    sharpness,
)
from keras_derm.skin_tone import IndividualTypologyAngle

HISTOGRAM_BINS = 8
STRUCTURE_SIDE = 32
SSIM_WINDOW = 7
COPY_SIDE = 16
GREY_LEVELS = 32
TEXTURE_PROPERTIES = ("contrast", "homogeneity", "energy", "correlation")
N_NEIGHBOURS = 5
MIN_REFERENCE = 20
"""Least number of real images of a cell, of a diagnosis, or of a tone."""

QUANTILE = 0.99
COPY_QUANTILE = 0.01


def likeness_measures(images, references):
    """Three distances of every image, with their limits from the real images."""
    measures = {}
    for name, describe, distance in (
        ("colour_distance", colour_histograms, _hellinger),
        ("structure_distance", _grey_images, _dissimilarities),
    ):
        made, real = describe(images), describe(references)
        among_real = distance(real, real)
        np.fill_diagonal(among_real, np.inf)
        measures[name] = _nearest_mean(distance(made, real))
        measures[f"{name}_limit"] = np.quantile(_nearest_mean(among_real), QUANTILE)
    made, real = texture_features(images), texture_features(references)
    mean, deviation = real.mean(axis=0), real.std(axis=0) + 1e-6
    scores, real_scores = (
        np.abs((features - mean) / deviation).max(axis=1) for features in (made, real)
    )
    measures["texture_distance"] = scores
    measures["texture_distance_limit"] = np.quantile(real_scores, QUANTILE)
    return measures


def fine_measures(images, references):
    """Sharpness and grid of every image, with their limits from the real images."""
    measures = {}
    made, real = power_spectra(images), power_spectra(references)
    found = sharpness(images), sharpness(references)
    measures["sharpness"] = found[0]
    measures["sharpness_limit"] = np.quantile(found[1], 1 - QUANTILE)
    grids, real_grids = (grid_excess(power).max(axis=1) for power in (made, real))
    measures["grid"] = grids
    measures["grid_limit"] = np.quantile(real_grids, QUANTILE)
    return measures


def _nearest_mean(distances):
    return np.sort(distances, axis=1)[:, :N_NEIGHBOURS].mean(axis=1)


def colour_histograms(images):
    """Joint RGB histogram of each image: float (n, 512), each row sums to 1."""
    bins = images.astype(int) * HISTOGRAM_BINS // 256
    codes = bins @ np.array([HISTOGRAM_BINS**2, HISTOGRAM_BINS, 1])
    counts = [np.bincount(code.ravel(), minlength=HISTOGRAM_BINS**3) for code in codes]
    return np.array(counts) / codes[0].size


def _hellinger(first, second):
    """Hellinger distances (n, m) of histograms, in [0, 1]."""
    return np.sqrt(np.clip(1 - np.sqrt(first) @ np.sqrt(second).T, 0, None))


def _grey_images(images):
    """Grey images in [0, 1]: float (n, 32, 32)."""
    shape = (STRUCTURE_SIDE, STRUCTURE_SIDE)
    grey = [resize(rgb2gray(image), shape, anti_aliasing=True) for image in images]
    return np.reshape(grey, (-1, *shape))


def _dissimilarities(first, second):
    """1 - SSIM of each pair of grey images in [0, 1]: (n, m), in [0, 2]."""
    return 1 - structural_similarities(first, second)


def structural_similarities(first, second):
    """SSIM of every pair, as `skimage.metrics.structural_similarity` defines it.

    The local means and variances of an image are found once, not once a pair.

    Args:
        first: Grey images in [0, 1], float (n, side, side).
        second: Grey images in [0, 1], float (m, side, side).

    Returns:
        float array (n, m), in [-1, 1].

    Reference:
        Wang et al., "Image Quality Assessment: From Error Visibility to Structural
        Similarity", 2004.
    """
    correction = SSIM_WINDOW**2 / (SSIM_WINDOW**2 - 1)
    means = [_local_mean(images) for images in (first, second)]
    variances = [
        correction * (_local_mean(images**2) - mean**2)
        for images, mean in zip((first, second), means, strict=True)
    ]
    c1, c2 = 0.01**2, 0.03**2
    similarities = np.empty((len(first), len(second)))
    for i, image in enumerate(first):
        product = means[0][i] * means[1]
        covariance = correction * (_local_mean(image * second) - product)
        squares = means[0][i] ** 2 + means[1] ** 2
        local = (2 * product + c1) * (2 * covariance + c2)
        local /= (squares + c1) * (variances[0][i] + variances[1] + c2)
        similarities[i] = local.mean(axis=(1, 2))
    return similarities


def _local_mean(images):
    """Means over 7 x 7 windows that lie wholly inside the image."""
    margin = SSIM_WINDOW // 2
    means = uniform_filter(images, (0, SSIM_WINDOW, SSIM_WINDOW))
    return means[:, margin:-margin, margin:-margin]


def texture_features(images):
    """Grey-level co-occurrence features of each image: float (n, 8).

    Contrast, homogeneity, energy and correlation at distances of 1 and 4 pixels,
    averaged over four directions.

    Reference:
        Haralick, Shanmugam, Dinstein, "Textural Features for Image Classification",
        1973.
    """
    angles = np.pi * np.arange(4) / 4
    features = []
    for image in images:
        grey = (rgb2gray(image) * (GREY_LEVELS - 1)).round().astype("uint8")
        matrix = graycomatrix(
            grey, (1, 4), angles, levels=GREY_LEVELS, symmetric=True, normed=True
        )
        features.append(
            [graycoprops(matrix, name).mean(axis=1) for name in TEXTURE_PROPERTIES]
        )
    return np.reshape(features, (len(images), -1))


def colour_measures(made, real, max_reference, generator):
    """ITA of made images, and the range of that of real ones of the same tone group.

    ITA is the colour of a photograph and no person's tone; what it can tell is
    whether a made image has a colour that photographs of such people do have. Where
    the tone asked for is unknown there is nothing to hold it against.

    Args:
        made, real: Tuples of images, uint8 (n, side, side, 3), and their conditions,
            integers (n, 2).
        max_reference: Most real images of a group that are measured.
        generator: `numpy.random.Generator` that draws them.

    Returns:
        Dict of arrays (n,): `ita`; `real_ita_low` and `real_ita_high`, the middle 0.99
        of the real images of the group, or of all where it has fewer than 20, and NaN
        where none can be measured or no group was asked for; `ita_doubt`, why ITA
        cannot be measured, empty where no group was asked for.
    """
    images, conditions = made
    references, reference_conditions = real
    tones, reference_tones = conditions[:, 1], reference_conditions[:, 1]
    ita, doubts = _angles(images)
    asked = tones != CONDITION_TONES.index(UNKNOWN)
    low, high = np.full((2, len(images)), np.nan)
    for tone in np.unique(tones[asked]):
        rows = np.flatnonzero(reference_tones == tone)
        if len(rows) < MIN_REFERENCE:
            rows = np.arange(len(references))
        rows = generator.permutation(rows)[:max_reference]
        angles, unknown = _angles(references[rows])
        known = angles[unknown == ""]
        if len(known):
            ends = np.quantile(known, [(1 - QUANTILE) / 2, (1 + QUANTILE) / 2])
            low[tones == tone], high[tones == tone] = ends
    doubts[~asked] = ""
    return {"ita": ita, "real_ita_low": low, "real_ita_high": high, "ita_doubt": doubts}


def _angles(images):
    """ITA of each image in degrees, (n,), and why it is doubtful, else empty."""
    estimator = IndividualTypologyAngle()
    found = list(work_on_each(estimator.measure, images, "Colour of images"))
    ita = np.array([one["ita"] for one in found], "float64")
    return ita, np.array([one["ita_reason"] for one in found], dtype=object)


def copy_measures(images, references, generator, parents, max_pairs=1000):
    """Distance to the nearest training image, and below which it is a near copy."""
    made, real = small_images(images), small_images(references)
    drawn = generator.permutation(len(real))[:max_pairs]
    among_real, _ = _nearest_of_all_turns(real[drawn], real, excluded=drawn)
    nearest, positions = _nearest_of_all_turns(made, real, excluded=parents)
    return {
        "copy_distance": nearest,
        "copy_limit": np.quantile(among_real, COPY_QUANTILE),
        "nearest_reference": positions,
    }


def small_images(images):
    """Images at 16 x 16, float32 (n, 16, 16, 3), in grey levels of 255."""
    shape = (COPY_SIDE, COPY_SIDE)
    small = [resize(image, shape, anti_aliasing=True) for image in images]
    return np.array(small, dtype="float32").reshape(-1, *shape, 3) * 255


def _nearest_of_all_turns(images, references, excluded=None):
    """Nearest reference over the 8 flips and rotations: distances and positions."""
    flat = references.reshape(len(references), -1)
    squares = (flat**2).sum(axis=1)
    best = np.full(len(images), np.inf)
    positions = np.zeros(len(images), dtype=int)
    rows = np.arange(len(images))
    for turns in range(8):
        turned = np.rot90(images, turns % 4, axes=(1, 2))
        turned = turned[:, :, ::-1] if turns >= 4 else turned
        turned = turned.reshape(len(images), flat.shape[1])
        distances = (
            (turned**2).sum(axis=1, keepdims=True) + squares - 2 * turned @ flat.T
        )
        if excluded is not None:
            distances[rows, excluded] = np.inf
        nearest = distances.argmin(axis=1)
        closer = distances[rows, nearest] < best
        best = np.where(closer, distances[rows, nearest], best)
        positions = np.where(closer, nearest, positions)
    return np.sqrt(np.clip(best, 0, None) / flat.shape[1]), positions
