"""How well found masks cover the lesions, image by image and over a set.

All figures of a set are means over its images with a 95 % interval by lesion or
patient. Two masks that are both empty agree: their Dice is 1. Where one alone is empty
the Dice is 0, and the distance between them, for which there is no boundary, is the
diagonal of the image: the worst that could be.
"""

import numpy as np
import pandas as pd
from scipy.ndimage import binary_erosion, distance_transform_edt

from keras_derm.evaluation.statistics.bootstrap import means_with_intervals

THRESHOLD_OF_JACCARD = 0.65
"""Jaccard index below which the ISIC challenge of 2018 gives an image 0."""

OVERLAP_METRICS = {
    "dice": "Dice",
    "jaccard": "IoU",
    "thresholded_jaccard": "IoU, 0 below 0.65",
    "precision": "precision",
    "recall": "recall",
    "specificity": "specificity",
    "hausdorff": "Hausdorff (px)",
    "hausdorff_share": "Hausdorff (share of the diagonal)",
    "hausdorff_95": "Hausdorff 95 % (px)",
}
"""Figures of a mask, and what tables call them."""


def overlap_scores(truth, found):
    """Compare a found mask with the true one.

    Args:
        truth, found: (height, width), bool.

    Returns:
        Dict of floats, the keys of `OVERLAP_METRICS`. `precision` is NaN where nothing
        was found, `recall` where there is no lesion, `specificity` where all of the
        image is lesion. Distances are between the boundaries, in pixels.

    Raises:
        ValueError: The shapes differ.

    Reference:
        Codella et al., Skin Lesion Analysis Toward Melanoma Detection 2018,
        arXiv:1902.03368 (thresholded Jaccard).
    """
    truth, found = np.asarray(truth, bool), np.asarray(found, bool)
    if truth.shape != found.shape or truth.ndim != 2:
        raise ValueError(
            "the masks must be two-dimensional and of one shape. "
            f"Received: {truth.shape} and {found.shape}"
        )
    both, either = (truth & found).sum(), (truth | found).sum()
    n_true, n_found = truth.sum(), found.sum()
    jaccard = both / either if either else 1.0
    skin = truth.size - n_true
    diagonal = float(np.hypot(*truth.shape))
    farthest, mostly = hausdorff_distances(truth, found)
    return {
        "dice": float(2 * both / (n_true + n_found)) if either else 1.0,
        "jaccard": float(jaccard),
        "thresholded_jaccard": float(jaccard * (jaccard >= THRESHOLD_OF_JACCARD)),
        "precision": _share(both, n_found),
        "recall": _share(both, n_true),
        "specificity": _share(skin - (n_found - both), skin),
        "hausdorff": farthest,
        "hausdorff_share": farthest / diagonal,
        "hausdorff_95": mostly,
    }


def _share(part, whole):
    return float(part / whole) if whole else np.nan


def hausdorff_distances(truth, found, percentile=95):
    """Largest distance from a boundary to the other, and a percentile of them.

    Args:
        truth, found: (height, width), bool.
        percentile: Of the distances from each boundary; the larger of the two is
            given, as in MONAI.

    Returns:
        Two floats in pixels: 0 where both masks are empty, the diagonal of the image
        where one is.
    """
    if not truth.any() or not found.any():
        distance = float(np.hypot(*truth.shape)) if truth.any() or found.any() else 0.0
        return distance, distance
    first, second = boundary(truth), boundary(found)
    away = distance_transform_edt(~second)[first]
    back = distance_transform_edt(~first)[second]
    largest = max(away.max(), back.max())
    mostly = max(np.percentile(away, percentile), np.percentile(back, percentile))
    return float(largest), float(mostly)


def boundary(mask):
    """Pixels of a mask with a neighbour, of four, outside of it or of the image."""
    return mask & ~binary_erosion(mask)


def overlap_frame(truths, founds):
    """Scores of many images.

    Args:
        truths, founds: Iterables of masks, (height, width), bool.

    Returns:
        `pandas.DataFrame`, one row an image, columns `OVERLAP_METRICS`.
    """
    rows = [overlap_scores(*pair) for pair in zip(truths, founds, strict=True)]
    return pd.DataFrame(rows, columns=list(OVERLAP_METRICS))


def mean_overlap(scores, groups, n_replicates=1000, seed=0):
    """Means of scores over a set of images, with intervals.

    Args:
        scores: Frame with numeric columns, one row an image; NaN is left out.
        groups: (n,), lesion or patient of each image.
        n_replicates, seed: Of the bootstrap over them.

    Returns:
        `pandas.DataFrame`, one row a column of `scores`: `metric`, `value`, `low`,
        `high` (NaN where there is no interval) and `n`.
    """
    values = scores.to_numpy("float64")
    found = means_with_intervals(values, np.asarray(groups, object), n_replicates, seed)
    frame = pd.DataFrame(found, columns=["value", "low", "high"])
    frame.insert(0, "metric", list(scores))
    return frame.assign(n=np.isfinite(values).sum(axis=0))
