"""How much of the attention lies in the lesion."""

import cv2
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


def attention_in_lesions(heatmaps, masks):
    """Measure the attention inside of the lesions of images some of which have a mask.

    Args:
        heatmaps: Array `(n, height, width)`, not negative.
        masks: `n` bool arrays of any height and width, moved as the images were
            (`Preparation.transform_masks`), or None where there is no mask.

    Returns:
        Dict of two float arrays `(n,)`, NaN without a mask: `attention_in_lesion`, as
        `attention_inside`, and `lesion_share`, the share of the image that is lesion.

    Example:
        >>> measured = attention_in_lesions(attention_maps(model, images), masks)
    """
    attention, lesion_share = np.full((2, len(heatmaps)), np.nan)
    size = heatmaps.shape[2], heatmaps.shape[1]
    for i, mask in enumerate(masks):
        if mask is None:
            continue
        mask = np.asarray(mask)
        lesion_share[i] = mask.mean()
        mask = cv2.resize(mask.astype("uint8"), size, interpolation=cv2.INTER_NEAREST)
        attention[i] = attention_inside(heatmaps[i : i + 1], mask[None])[0]
    return {"attention_in_lesion": attention, "lesion_share": lesion_share}
