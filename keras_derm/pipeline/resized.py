"""Prepared images at other sizes."""

import cv2
import numpy as np


def resized_images(prepared, catalog, image_size):
    """Function from positions in `catalog` to images of `image_size`.

    Args:
        prepared: `PreparedImages` that hold the catalog's images.
        catalog: `Catalog`.
        image_size: Side in pixels.

    Returns:
        Function of an int array `(n,)`, giving uint8 RGB
        `(n, image_size, image_size, 3)`, area-averaged where it shrinks.
    """
    indices = prepared.indices(catalog)

    def take(positions):
        images = prepared.take(indices[positions])
        if images.shape[1:3] == (image_size, image_size):
            return images
        return np.stack([resize(image, image_size) for image in images])

    return take


def resize(image, image_size):
    """Resize one uint8 RGB image to a square, area-averaged where it shrinks."""
    shrinks = image_size < min(image.shape[:2])
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(image, (image_size, image_size), interpolation=method)
