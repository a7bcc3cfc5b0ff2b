"""Photographs in sRGB, whatever colours their embedded profile means."""

import functools
import io

import numpy as np
from PIL import Image, ImageCms

NEGLIGIBLE = 3
"""Levels of 255 by which a profile may differ from sRGB and still be taken for it: the
published profiles of sRGB differ from each other by as much in the darkest colours."""

_SPACES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
"""Mode of an image whose numbers a profile of each colour space explains."""


def to_srgb(image, profile):
    """Convert an image by its embedded ICC profile.

    Args:
        image: `PIL.Image.Image` of mode RGB, L or CMYK.
        profile: The profile, bytes, or None. One that is damaged, or of another colour
            space than the image, is passed over, as viewers do.

    Returns:
        `PIL.Image.Image` of mode RGB; the levels are those of the file where these are
        sRGB already.

    Example:
        >>> with Image.open("lesion.jpg") as image:
        ...     image = to_srgb(image, image.info.get("icc_profile"))
    """
    transform, mode = _to_srgb(profile) if profile else (None, None)
    if mode == "RGB" and image.mode == "L":  # a grey one, saved as colours are
        image = image.convert("RGB")
    if transform is None or image.mode != mode:
        return image.convert("RGB")
    return ImageCms.applyTransform(image, transform)


def is_srgb(profile):
    """Tell whether levels stay what they are by a profile (bytes, or None)."""
    return not profile or _to_srgb(profile)[0] is None


@functools.lru_cache(maxsize=64)
def _to_srgb(profile):
    """Transform of a profile, None where it does nothing, and the mode it is for."""
    try:
        source = ImageCms.getOpenProfile(io.BytesIO(profile))
        mode = _SPACES.get(source.profile.xcolor_space.strip())
        if mode is None:
            return None, None
        transform = ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None, None
    return (None if _changes_nothing(transform, mode) else transform), mode


def _changes_nothing(transform, mode):
    """Whether colours all over the space stay the same, but for rounding."""
    if mode == "CMYK":
        return False
    levels = np.linspace(0, 255, 18).round().astype(np.uint8)
    if mode == "L":
        colours = Image.fromarray(levels[None])
    else:
        cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1)
        colours = Image.fromarray(cube.reshape(1, -1, 3))
    converted = np.asarray(ImageCms.applyTransform(colours, transform), int)
    return np.abs(converted - np.asarray(colours.convert("RGB"))).max() <= NEGLIGIBLE
