"""Which made images may join a training set: measured against real ones."""

import numpy as np
import pandas as pd
from rich.progress import track
from scipy.ndimage import uniform_filter
from skimage.color import rgb2gray
from skimage.feature import graycomatrix, graycoprops
from skimage.transform import resize

from keras_derm.generative.conditions import condition_names
from keras_derm.skin_tone import IndividualTypologyAngle, degrees_outside
from keras_derm.skin_tone.thresholds import UNDETERMINED

HISTOGRAM_BINS = 8
STRUCTURE_SIDE = 32
SSIM_WINDOW = 7
COPY_SIDE = 16
GREY_LEVELS = 32
TEXTURE_PROPERTIES = ("contrast", "homogeneity", "energy", "correlation")
N_NEIGHBOURS = 5
MIN_OF_TONE = 20
FEATURES = ("colour_distance", "structure_distance", "texture_distance")
FEATURE_NAMES = {
    "colour_distance": "colours",
    "structure_distance": "structure (SSIM)",
    "texture_distance": "texture (GLCM)",
}


def screen(
    images,
    conditions,
    reference_images,
    reference_conditions,
    quantile=0.99,
    copy_quantile=0.01,
    min_reference=20,
    max_reference=100,
    seed=0,
    parents=None,
    thresholds="del_bino",
):
    """Decide which made images are kept, and say why the others are not.

    An image is compared with real images of its cell (diagnosis and skin tone), or
    of its diagnosis where the cell has too few, in three ways: distance of colour
    histograms (Hellinger), 1 - SSIM, both averaged over the nearest 5 real images,
    and the largest standard score of its grey-level co-occurrence features. What
    lies beyond a quantile of the same measure of the real images themselves is
    rejected. So is an image whose apparent skin tone (ITA) cannot be measured, or
    lies outside the range of the type asked for by more than that of real images of
    the type does, measured on these same images. So is a near copy: closer to some
    training image, flips and rotations included, than nearly all real images are to
    their nearest real one.

    Args:
        images: Made images, uint8 (n, side, side, 3), RGB.
        conditions: Integers (n, 2): diagnosis and skin-tone index.
        reference_images: All real training images, uint8 (m, side, side, 3).
        reference_conditions: Integers (m, 2).
        quantile: Quantile of the real images' measures beyond which an image is an
            outlier, in (0, 1).
        copy_quantile: Quantile of the distances between real nearest neighbours
            below which an image is a near copy. Archives hold several photographs
            of one lesion, so that their least distance, quantile 0, is about 0.
        min_reference: Least number of real images of a cell, or of a diagnosis.
        max_reference: Number of real images drawn from larger cells, for speed.
        seed: Seed of that draw.
        parents: Position of the real image that each image was made of, int (n,),
            for translations: likeness to the parent is meant, and no copy.
        thresholds: Table of skin types that the conditions were made with, see
            `skin_tone.THRESHOLDS`.

    Returns:
        `pandas.DataFrame`, one row an image: `accepted` (bool), `reason` (text, empty
        where accepted), `compared_with` ("cell", "diagnosis" or "all"),
        `colour_distance`, `structure_distance`, `texture_distance`, the limit of
        each (`..._limit`), `ita`, `tone_distance` (degrees outside the type) and
        `tone_distance_limit`, `tone_doubt` (why the tone cannot be measured, or
        empty), `copy_distance`, `copy_limit` (root mean square
        difference in grey levels of 255 at 16 x 16), and `nearest_reference`
        (position of the nearest real image).

    Raises:
        ValueError: If shapes disagree, or there are fewer real images than
            `min_reference`.
    """
    conditions, reference_conditions = _check_screening(
        images, conditions, reference_images, reference_conditions, min_reference
    )
    generator = np.random.default_rng(seed)
    table = pd.DataFrame(index=range(len(images)))
    cells = np.unique(conditions, axis=0)
    for cell in track(cells, "Screening"):
        rows = np.flatnonzero((conditions == cell).all(axis=1))
        level, chosen = _references(reference_conditions, cell, min_reference)
        if len(chosen) > max_reference:
            chosen = generator.choice(chosen, max_reference, replace=False)
        measures = _cell_measures(images[rows], reference_images[chosen], quantile)
        table.loc[rows, "compared_with"] = level
        for name, values in measures.items():
            table.loc[rows, name] = values
    measures = _tone_measures(
        (images, conditions),
        (reference_images, reference_conditions),
        quantile,
        max_reference,
        generator,
        thresholds,
    )
    for name, values in measures.items():
        table[name] = values
    copies = _copy_measures(images, reference_images, copy_quantile, generator, parents)
    for name, values in copies.items():
        table[name] = values
    reasons = _reasons(table, condition_names(conditions))
    table.insert(0, "reason", reasons)
    table.insert(0, "accepted", [reason == "" for reason in reasons])
    return table


def _check_screening(images, conditions, references, reference_conditions, least):
    conditions = np.asarray(conditions, dtype=int).reshape(-1, 2)
    reference_conditions = np.asarray(reference_conditions, dtype=int).reshape(-1, 2)
    if images.shape[1:] != references.shape[1:] or images.dtype != references.dtype:
        raise ValueError(
            "made and real images must have one shape and dtype. Received: "
            f"{images.shape[1:]} {images.dtype} and "
            f"{references.shape[1:]} {references.dtype}"
        )
    lengths = (len(images), len(conditions), len(references), len(reference_conditions))
    if lengths[0] != lengths[1] or lengths[2] != lengths[3]:
        raise ValueError(
            "images and conditions must be of equal number. Received: "
            f"{lengths[0]} and {lengths[1]}, real {lengths[2]} and {lengths[3]}"
        )
    if len(references) < max(least, N_NEIGHBOURS + 1):
        raise ValueError(
            f"screening needs at least {max(least, N_NEIGHBOURS + 1)} real images. "
            f"Received: {len(references)}"
        )
    return conditions, reference_conditions


def _references(reference_conditions, cell, min_reference):
    """Positions of the real images to compare a cell with, and what they share."""
    same = reference_conditions == cell
    least = max(min_reference, N_NEIGHBOURS + 1)
    for level, mask in (("cell", same.all(axis=1)), ("diagnosis", same[:, 0])):
        if mask.sum() >= least:
            return level, np.flatnonzero(mask)
    return "all", np.arange(len(reference_conditions))


def _cell_measures(images, references, quantile):
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
        measures[f"{name}_limit"] = np.quantile(_nearest_mean(among_real), quantile)
    made, real = texture_features(images), texture_features(references)
    mean, deviation = real.mean(axis=0), real.std(axis=0) + 1e-6
    scores, real_scores = (
        np.abs((features - mean) / deviation).max(axis=1) for features in (made, real)
    )
    measures["texture_distance"] = scores
    measures["texture_distance_limit"] = np.quantile(real_scores, quantile)
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
    """Grey-level co-occurrence features of each image.

    Args:
        images: uint8 (n, side, side, 3), RGB.

    Returns:
        float array (n, 8): contrast, homogeneity, energy and correlation at
        distances of 1 and 4 pixels, averaged over four directions.

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


def _tone_measures(made, real, quantile, max_reference, generator, thresholds):
    """Measured tone of every image, and how far real ones are from their type."""
    estimator = IndividualTypologyAngle(thresholds=thresholds)

    def outside(images, tones):
        found = [
            estimator.measure(image) for image in track(images, "Skin tone of images")
        ]
        ita = np.array([one["ita"] for one in found])
        doubts = np.array([one["reason"] for one in found], dtype=object)
        return ita, degrees_outside(ita, tones, thresholds), doubts

    images, conditions = made
    references, reference_conditions = real
    tones = np.array([tone for _, tone in condition_names(conditions)])
    reference_tones = np.array(
        [tone for _, tone in condition_names(reference_conditions)]
    )
    ita, distances, doubts = outside(images, tones)
    doubts[tones == UNDETERMINED] = ""
    limits = np.zeros(len(images))
    for tone in set(tones) - {UNDETERMINED}:
        rows = np.flatnonzero(reference_tones == tone)
        if len(rows) < MIN_OF_TONE:
            rows = np.flatnonzero(reference_tones != UNDETERMINED)
        rows = generator.permutation(rows)[:max_reference]
        _, among_real, unknown = outside(references[rows], reference_tones[rows])
        known = among_real[unknown == ""]
        limits[tones == tone] = np.quantile(known, quantile) if len(known) else 0.0
    return {
        "ita": ita,
        "tone_distance": distances,
        "tone_distance_limit": limits,
        "tone_doubt": doubts,
    }


def _copy_measures(
    images, references, copy_quantile, generator, parents, max_pairs=1000
):
    """Distance to the nearest training image, and below which it is a near copy."""
    made, real = _small_images(images), _small_images(references)
    drawn = generator.permutation(len(real))[:max_pairs]
    among_real, _ = _nearest_of_all_turns(real[drawn], real, excluded=drawn)
    nearest, positions = _nearest_of_all_turns(made, real, excluded=parents)
    return {
        "copy_distance": nearest,
        "copy_limit": np.quantile(among_real, copy_quantile),
        "nearest_reference": positions,
    }


def _small_images(images):
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


def _reasons(table, names):
    """Every reason for which each image is rejected, as one text."""
    reasons = []
    for (diagnosis, tone), row in zip(names, table.to_dict("records"), strict=True):
        group = {"cell": f"{diagnosis}, tone {tone}", "diagnosis": diagnosis}.get(
            row["compared_with"], "all diagnoses"
        )
        found = [
            f"{FEATURE_NAMES[name]} unlike real images of {group}: "
            f"{row[name]:.3g} > {row[f'{name}_limit']:.3g}"
            for name in FEATURES
            if row[name] > row[f"{name}_limit"]
        ]
        if row["tone_doubt"]:
            found.append(f"skin tone cannot be measured: {row['tone_doubt']}")
        elif row["tone_distance"] > row["tone_distance_limit"]:
            found.append(
                f"skin tone unlike {tone}: ITA {row['ita']:.0f}, "
                f"{row['tone_distance']:.1f} > {row['tone_distance_limit']:.1f} degrees"
                " outside"
            )
        if row["copy_distance"] < row["copy_limit"]:
            found.append(
                f"near copy of training image {row['nearest_reference']}: "
                f"{row['copy_distance']:.3g} < {row['copy_limit']:.3g}"
            )
        reasons.append("; ".join(found))
    return reasons
