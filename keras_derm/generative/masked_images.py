"""Training images with the mask of the lesion as a fourth channel."""

import numpy as np

from keras_derm.lesion_finders.crop import crop_boxes
from keras_derm.pipeline import prepare_masks


def masked_images(images, catalog, preparation, folder):
    """Function from positions to images with their masks beside them.

    Args:
        images: Function of positions in the catalog to uint8 (n, side, side, 3).
        catalog: `Catalog` of the rows.
        preparation: `keras_derm.layers.Preparation` of these images, of their size.
        folder: Where the prepared masks are kept.

    Returns:
        Function of an int array (n,), giving uint8 (n, side, side, 4): of the fourth
        channel 255 is lesion and 0 is not, or there is no mask.

    Raises:
        ValueError: If no row has a mask.
    """
    has_mask = catalog.table["mask_path"].notna().to_numpy(bool)
    if not has_mask.any():
        raise ValueError(
            "masks can be a condition where photographs have a mask of their lesion "
            "(`mask_path` in catalog.csv). Received: none of "
            f"{len(catalog):,} training images has one"
        )
    rows = catalog.where(has_mask)
    masks = prepare_masks(rows, preparation, folder, crop_boxes(rows))
    position = np.cumsum(has_mask) - 1

    def take(positions):
        positions = np.asarray(positions)
        channel = np.zeros((len(positions), *masks.shape[1:], 1), "uint8")
        known = has_mask[positions]
        channel[known, ..., 0] = masks[position[positions[known]]] * np.uint8(255)
        return np.concatenate([images(positions), channel], axis=-1)

    return take
