"""Colours beside the labels of a scale of skin tone.

Monk's scale is a row of colours, and these are they. The other scales have none of
their own: their swatches are colours whose ITA lies in the middle of what the label
stands for, on a line of usual skin in CIELAB. They help to sort, and say nothing of
how skin burns.

Reference:
    Monk, The Monk Skin Tone Scale, SocArXiv (2023), skintone.google. Del Bino and
    Bernerd, British Journal of Dermatology 169 (2013).
"""

import numpy as np
from skimage.color import lab2rgb

from keras_derm.catalog import SKIN_TONE_SCALES

MONK = (
    "#f6ede4",
    "#f3e7db",
    "#f7ead0",
    "#eadaba",
    "#d7bd96",
    "#a07e56",
    "#825c43",
    "#604134",
    "#3a312a",
    "#292420",
)
ITA_OF_LABELS = {
    "fitzpatrick": (62.0, 48.0, 34.5, 19.0, -10.0, -45.0),
    "fitzpatrick_pairs": (55.0, 28.0, -25.0),
    "milk10k": (63.0, 48.0, 25.0, 21.0, -6.0, -20.0),
}
"""Degrees, the lightest label first: middles of Del Bino's classes; of MILK10k the
median of its close-ups, as `keras_derm.catalog.skin_tone_scales` gives it."""

REDNESS, YELLOWNESS = 10.0, 17.0
"""a* and b* of the line of usual skin."""


def swatches(scale):
    """Colour of each label of a scale.

    Args:
        scale: Name of `SKIN_TONE_SCALES`.

    Returns:
        Dict from label to a colour such as "#d7bd96", the lightest first.
    """
    labels = SKIN_TONE_SCALES[scale]
    if scale == "monk":
        return dict(zip(labels, MONK, strict=True))
    angles = np.radians(ITA_OF_LABELS[scale])
    lightness = 50 + YELLOWNESS * np.tan(angles)
    lab = np.stack(
        [
            lightness,
            np.full_like(lightness, REDNESS),
            np.full_like(lightness, YELLOWNESS),
        ],
        axis=-1,
    )
    colours = np.rint(lab2rgb(lab) * 255).astype(int)
    return {
        label: "#" + "".join(f"{value:02x}" for value in colour)
        for label, colour in zip(labels, colours, strict=True)
    }
