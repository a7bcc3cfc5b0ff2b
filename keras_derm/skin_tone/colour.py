"""Colour measurements in floating point."""

import cv2
import numpy as np
from skimage.color import deltaE_ciede2000


def cielab(image):
    """Return CIELAB (D65, sRGB) of an RGB image.

    Args:
        image: (height, width, 3), uint8.

    Returns:
        (height, width, 3), float32: L* in [0, 100], a*, b*. Eight-bit Lab would
        stretch L* by 2.55 and so move dark skin to lighter types.
    """
    return cv2.cvtColor(image.astype("float32") / 255.0, cv2.COLOR_RGB2LAB)


def colour_difference(first, second):
    """Return the CIEDE2000 difference of two CIELAB colours."""
    return float(deltaE_ciede2000(np.asarray(first), np.asarray(second)))
