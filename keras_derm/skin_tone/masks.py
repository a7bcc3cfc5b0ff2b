"""Where a dermoscopic photograph shows plain skin."""

import cv2
import numpy as np

from keras_derm.colour import median_colour
from keras_derm.lesion_finders.otsu import disc, usable_pixels

HAIR_KERNEL_SHARE = 17 / 224
DARK_HAIR, LIGHT_HAIR = 10, 20
INK_DISTANCE = 15
LIGHTNESS_DISTANCE = 25
LESION_MARGIN_SHARE = 0.06


def published_mask(image):
    """Return the YCbCr skin mask of the lora_diffusion system, of RGB in uint8.

    Cb within 77-173 and Cr within 133-255. It keeps the lesion and much else.
    """
    _, cr, cb = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb))
    return (cb >= 77) & (cb <= 173) & (cr >= 133)


def skin_and_lesion(image, lab, lesion):
    """Return the plain skin and the lesion of a photograph.

    Left out of the skin: the lesion with a margin of 6 % of the shorter side, dark
    corners, dark and light hair and ruler ticks (thin structures), highlights, ink,
    and large things much darker or lighter than the rest.

    The lesion keeps its thin structures: most are pigment network, not hair, and its
    median colour hardly feels the hairs.

    Args:
        image: (height, width, 3), RGB, uint8.
        lab: Its CIELAB values.
        lesion: (height, width), bool, or `None` where there is none.

    Returns:
        Tuple of the skin mask and the lesion mask (`None` where there is none), both
        (height, width), bool; the lesion without dark corners and highlights.
    """
    short_side = min(image.shape[:2])
    usable = usable_pixels(image, lab)
    skin = usable & ~_thin_structures(image)
    if lesion is not None:
        margin = disc(max(1, round(LESION_MARGIN_SHARE * short_side)))
        skin &= cv2.dilate(lesion.astype("uint8"), margin) == 0
        lesion = lesion & usable
    if skin.any():
        skin &= ~_unlike_the_rest(lab, skin)
    return skin, lesion


def _thin_structures(image):
    """Return dark and light lines; the light ones half as wide.

    With the full width, skin between two dense dark hairs would pass as light hair.
    """
    width = HAIR_KERNEL_SHARE * min(image.shape[:2])
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    dark = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, _cross(width))
    light = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, _cross(width / 2))
    thin = (dark > DARK_HAIR) | (light > LIGHT_HAIR)
    return cv2.dilate(thin.astype("uint8"), disc(1)) > 0


def _cross(width):
    side = max(3, 2 * round((width - 1) / 2) + 1)
    return cv2.getStructuringElement(cv2.MORPH_CROSS, (side, side))


def _unlike_the_rest(lab, skin):
    """Return ink (bluer or greener than the skin) and large dark or light things."""
    lightness, a, b = median_colour(lab, skin)
    ink = (lab[..., 1] < a - INK_DISTANCE) | (lab[..., 2] < b - INK_DISTANCE)
    return ink | (np.abs(lab[..., 0] - lightness) > LIGHTNESS_DISTANCE)
