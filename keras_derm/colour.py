"""Colour measurements in floating point."""

import cv2
import numpy as np
from skimage.color import deltaE_ciede2000

_SRGB = np.arange(256) / 255.0
LINEAR = np.where(_SRGB <= 0.04045, _SRGB / 12.92, ((_SRGB + 0.055) / 1.055) ** 2.4)
"""Linear light of each 8-bit value of sRGB."""
_LINEAR = LINEAR.astype("float32")
_RGB_TO_XYZ = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)
_D65 = np.array([0.95047, 1.0, 1.08883])
_RGB_TO_RELATIVE = (_RGB_TO_XYZ / _D65[:, None]).T.astype("float32")


def cielab(image):
    """Return CIELAB (D65) of an sRGB image in uint8: L* in [0, 100], a*, b*, float32.

    Eight-bit Lab would stretch L* by 2.55 and so move dark skin to lighter types;
    OpenCV's float Lab interpolates in a table and errs by up to 0.25.
    """
    relative = _linear(image).reshape(-1, 3) @ _RGB_TO_RELATIVE
    root = np.cbrt(relative)
    if image.size and relative.min() <= 0.008856:
        root = np.where(relative > 0.008856, root, 7.787 * relative + 16 / 116)
    x, y, z = root.T
    lab = np.empty_like(root)
    lab[:, 0] = 116 * y - 16
    lab[:, 1] = 500 * (x - y)
    lab[:, 2] = 200 * (y - z)
    return lab.reshape(image.shape)


def _linear(image):
    """Linear light, float32, of an image in uint8."""
    if image.ndim == 3 and image.size:
        return cv2.LUT(image, _LINEAR)  # several times as fast
    return _LINEAR[image]


def median_colour(lab, mask):
    """Return the median of each channel over the pixels of a mask, (3,).

    Args:
        lab: (height, width, 3), float32.
        mask: (height, width), bool, some of it true.
    """
    return np.array([median(lab[..., i][mask]) for i in range(lab.shape[-1])])


def median(values):
    """Return what `np.median` gives of floats without NaN, (n,), in less time."""
    middle = len(values) // 2
    values = np.partition(values, middle)
    if len(values) % 2:
        return values[middle]
    return (values[:middle].max() + values[middle]) / 2


def colour_difference(first, second):
    """Return the CIEDE2000 difference of two CIELAB colours."""
    return float(colour_differences(first, second))


def colour_differences(first, second):
    """Return the CIEDE2000 differences of CIELAB colours, (..., 3) each: (...)."""
    return deltaE_ciede2000(np.asarray(first), np.asarray(second))
