"""How much of the attention lies in the lesion."""

import numpy as np

from keras_derm.explain.checks import check_same_shape


def attention_inside(heatmaps, masks):
    """Measure the share of the attention that lies in the lesion.

    Args:
        heatmaps: Array `(n, height, width)`, not negative.
        masks: Array `(n, height, width)`; a pixel is lesion where it is not 0.

    Returns:
        float array `(n,)` in [0, 1]; NaN for a map that is all 0. Compare it with
        the share of the image that the lesion covers: a map that ignores the lesion
        scores just that.

    Raises:
        ValueError: If the shapes differ.
    """
    heatmaps, masks = np.asarray(heatmaps, "float64"), np.asarray(masks) != 0
    check_same_shape("masks", masks.shape, heatmaps.shape)
    total = heatmaps.sum(axis=(1, 2))
    inside = (heatmaps * masks).sum(axis=(1, 2))
    return np.divide(inside, total, out=np.full(len(total), np.nan), where=total > 0)
