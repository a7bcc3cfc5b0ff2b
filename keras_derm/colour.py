"""Colour measurements in floating point."""

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
    relative = _LINEAR[image] @ _RGB_TO_RELATIVE
    root = np.where(relative > 0.008856, np.cbrt(relative), 7.787 * relative + 16 / 116)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def colour_difference(first, second):
    """Return the CIEDE2000 difference of two CIELAB colours."""
    return float(colour_differences(first, second))


def colour_differences(first, second):
    """Return the CIEDE2000 differences of CIELAB colours, (..., 3) each: (...)."""
    return deltaE_ciede2000(np.asarray(first), np.asarray(second))
