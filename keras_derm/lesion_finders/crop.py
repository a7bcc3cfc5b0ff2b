"""Photographs cut to their lesion."""

import numpy as np
import pandas as pd

from keras_derm.photographs import read_image, read_mask

CROP_COLUMNS = ("crop_top", "crop_left", "crop_height", "crop_width")
"""Columns of a catalog that say which part of each upright photograph was taken."""


def lesion_box(mask, margin):
    """The square around a lesion, as far as the picture goes.

    Args:
        mask: (height, width), bool; where no lesion is in it, the whole picture is
            taken.
        margin: What is left on each side, as a share of the lesion's longer side.

    Returns:
        Tuple of ints: top, left, height, width.
    """
    height, width = mask.shape
    if not mask.any():
        return 0, 0, height, width
    spans = [np.flatnonzero(mask.any(axis=axis))[[0, -1]] for axis in (1, 0)]
    longer = max(last - first + 1 for first, last in spans)
    side = longer * (1 + 2 * margin)
    box = []
    for (first, last), limit in zip(spans, mask.shape, strict=True):
        middle = (first + last + 1) / 2
        low, high = max(0, middle - side / 2), min(limit, middle + side / 2)
        box.append((int(np.floor(low)), int(np.ceil(high))))
    (top, bottom), (left, right) = box
    return top, left, bottom - top, right - left


def photograph_box(finder, margin, file):
    """`lesion_box` of a photograph, by its mask or, without one, as it is found.

    Args:
        finder: `LesionFinder`.
        margin: As of `lesion_box`.
        file: Path of the photograph, and that of its mask or None.
    """
    path, mask_path = file
    if mask_path is None:
        return lesion_box(finder.find(read_image(path)).mask, margin)
    return lesion_box(read_mask(mask_path, path), margin)


def cropped(pixels, box):
    """The part of an image or mask that a box names; all of it for None."""
    if box is None:
        return pixels
    top, left, height, width = box
    return pixels[top : top + height, left : left + width]


def crop_boxes(catalog):
    """Box of each row of a catalog, int64 `(n, 4)`, or None where it has none."""
    table = catalog.table
    if not set(CROP_COLUMNS) <= set(table):
        return None
    return table[list(CROP_COLUMNS)].to_numpy("int64")


def with_crop_boxes(catalog, boxes):
    """The catalog with the columns of its boxes.

    Args:
        catalog: `Catalog`.
        boxes: (n, 4), int.
    """
    frame = pd.DataFrame(boxes, columns=list(CROP_COLUMNS), dtype="int64")
    return catalog.with_columns(**{name: frame[name] for name in frame})
