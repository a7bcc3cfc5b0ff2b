"""From tissue to pixels: optics by table, light, lens, sensor, sRGB, JPEG."""

import functools

import cv2
import numpy as np

from keras_derm.phantom import optics
from keras_derm.phantom.fields import LEVELS

MELANIN_LIMIT = 1.5
BLOOD_LIMIT = 1.0
KERATIN_COLOUR = np.array([1.0, 0.94, 0.82], np.float32)
_NODES = (49, 33, 17)


@functools.cache
def reflectance_table():
    """Light from below the epidermis on a grid of melanin, blood and dermis.

    What the epidermis itself returns is in `epidermis_table`: apart, each is smooth
    enough to interpolate, and a polariser can block one of them.

    The grid is even in the square roots of melanin and blood. Entries are rounded to
    1/65535, so that the last bits of exp and pow decide nothing.

    Returns:
        float32 array (49, 33, 17, 3), the square root of linear sRGB.
    """
    melanin, blood, dermis = (np.linspace(0, 1, count) for count in _NODES)
    grid = np.meshgrid(
        MELANIN_LIMIT * melanin**2, BLOOD_LIMIT * blood**2, 2 * dermis - 1,
        indexing="ij",
    )  # fmt: skip
    spectra = optics.skin_reflectance(grid[0], grid[1], dermis=grid[2])
    spectra -= optics.epidermis_reflectance(grid[0])
    colour = optics.to_linear_srgb(spectra)
    return _rounded(np.sqrt(np.clip(colour, 0, 1)))


@functools.cache
def epidermis_table():
    """Linear sRGB that the epidermis itself returns, by the root of melanin.

    Returns:
        float32 array (1024, 3), even in the square root of melanin up to
        `MELANIN_LIMIT`.
    """
    melanin = MELANIN_LIMIT * np.linspace(0, 1, 1024) ** 2
    return _rounded(optics.to_linear_srgb(optics.epidermis_reflectance(melanin)))


@functools.cache
def filter_table():
    """Transmission of surface melanin in linear sRGB, seen before type II skin.

    Returns:
        float32 array (1024, 3), even in the square root of melanin up to 1.
    """
    bare = optics.skin_reflectance(0.04, 0.008)
    seen = bare * optics.surface_transmission(np.linspace(0, 1, 1024) ** 2)
    return _rounded(optics.to_linear_srgb(seen) / optics.to_linear_srgb(bare))


def tissue_colour(tissue, polarisation=0.0):
    """Linear sRGB of a `Tissue` under even D65 light.

    Args:
        tissue: `Tissue`.
        polarisation: Share of the light returned by the epidermis itself that a
            cross-polarised dermoscope blocks, 0-1; exposure makes up for the loss
            on light skin.

    Returns:
        float32 array (size, size, 3) in [0, 1].
    """
    table = reflectance_table()
    axes = (
        np.sqrt(np.clip(tissue.melanin / np.float32(MELANIN_LIMIT), 0, 1)),
        np.sqrt(np.clip(tissue.blood / np.float32(BLOOD_LIMIT), 0, 1)),
        (np.clip(tissue.dermis, -1, 1) + 1) / 2,
    )
    colour = _trilinear(table, axes)
    colour = colour * colour
    superficial = epidermis_table()[(axes[0] * 1023).astype(np.int32)]
    colour = colour + np.float32(1 - polarisation) * superficial
    colour = colour * np.float32(1 + 0.55 * polarisation)
    dye = np.sqrt(np.clip(tissue.surface_melanin, 0, 1))
    colour = colour * filter_table()[(dye * 1023).astype(np.int32)]
    horn = np.clip(tissue.keratin, 0, 0.85)[..., None]
    # The layer over a reflecting ground of `optics.add_layer`, without absorption.
    return horn * KERATIN_COLOUR + (1 - horn) * (1 - horn) * colour / (
        1 - horn * colour
    )


def expose(colour, noise_level, rng):
    """Bare camera: 8-bit sRGB of what the sensor reads.

    Args:
        colour, noise_level, rng: As in `sense`.

    Returns:
        uint8 array (size, size, 3).
    """
    return encode(sense(colour, noise_level, rng))


def sense(colour, noise_level, rng):
    """Sensor: shot and read noise on linear sRGB.

    Args:
        colour: float32 (size, size, 3), linear; clipped to [0, 1], full well.
        noise_level: Standard deviation at full signal, linear.
        rng: NumPy generator; its draws do not depend on `colour`.

    Returns:
        float32 array (size, size, 3), linear, in [0, 1].
    """
    linear = np.clip(colour, 0, 1)
    # The sum of four bytes is close to normal and, unlike a normal, exact.
    draws = rng.integers(0, 256, (4, *colour.shape), dtype=np.uint8)
    bell = (draws.sum(axis=0, dtype=np.int32) - 510).astype(np.float32) / 148
    shot = np.float32(noise_level) * np.sqrt(linear + np.float32(0.02))
    return np.clip(linear + shot * bell, 0, 1)


def encode(linear):
    """8-bit sRGB, uint8, of linear sRGB in [0, 1]."""
    steps = linear * 4095 + np.float32(0.5)
    return srgb_table()[steps.astype(np.int32)]


@functools.cache
def srgb_table():
    """8-bit sRGB of 4,096 linear levels (IEC 61966-2-1)."""
    linear = np.arange(4096) / 4095
    curve = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    return np.round(curve * 255).astype(np.uint8)


def lens_blur(colour, sigma):
    """Blur linear colour in [0, 1] by a Gaussian of `sigma` pixels, bit-exactly."""
    if sigma < 0.2:
        return colour
    steps = (np.clip(colour, 0, 1) * LEVELS + np.float32(0.5)).astype(np.uint16)
    blurred = cv2.GaussianBlur(steps, (0, 0), round(float(sigma), 3))
    return blurred.astype(np.float32) / np.float32(LEVELS)


def through_jpeg(image, quality):
    """Compress and decompress an RGB image as JPEG of `quality` (1-100)."""
    _, code = cv2.imencode(
        ".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(quality)]
    )
    return np.ascontiguousarray(cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1])


def _rounded(values):
    steps = np.round(np.clip(values, 0, 1) * LEVELS)
    return (steps / LEVELS).astype(np.float32)


def _trilinear(table, axes):
    """Interpolate `table` (a, b, c, 3) at three coordinate maps in [0, 1]."""
    flat = table.reshape(-1, 3)
    strides = (table.shape[1] * table.shape[2], table.shape[2], 1)
    base, fractions = 0, []
    for axis, count, stride in zip(axes, table.shape, strides, strict=False):
        place = axis.ravel() * np.float32(count - 1)
        lower = np.minimum(place.astype(np.int32), count - 2)
        fractions.append((place - lower).astype(np.float32)[:, None])
        base = base + lower * stride
    a, b, c = fractions

    def along_c(offset):
        low = flat.take(base + offset, axis=0)
        return low + c * (flat.take(base + offset + 1, axis=0) - low)

    def along_b(offset):
        low = along_c(offset)
        return low + b * (along_c(offset + strides[1]) - low)

    low = along_b(0)
    return (low + a * (along_b(strides[0]) - low)).reshape(*axes[0].shape, 3)
