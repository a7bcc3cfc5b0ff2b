"""Where a dermoscopic photograph shows plain skin."""

import cv2
import numpy as np

HAIR_KERNEL_SHARE = 17 / 224
DARK_HAIR, LIGHT_HAIR = 10, 20
BLACK, WHITE = 15, 240
INK_DISTANCE = 15
LIGHTNESS_DISTANCE = 25
LESION_MARGIN_SHARE = 0.06
MIN_LESION_CONTRAST = 6
LESION_AREA = (0.005, 0.7)


def published_mask(image):
    """Return the YCbCr skin mask of the lora_diffusion system, of RGB in uint8.

    Cb within 77-173 and Cr within 133-255. It keeps the lesion and much else.
    """
    _, cr, cb = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb))
    return (cb >= 77) & (cb <= 173) & (cr >= 133)


def automatic_lesion_mask(lab, usable):
    """Return the lesion as the darker class of Otsu's threshold on blurred L*.

    Args:
        lab: CIELAB image, (height, width, 3).
        usable: (height, width), bool; pixels that are neither dark corner nor hair.

    Returns:
        (height, width), bool, or `None` where no lesion stands out: the two classes
        differ by less than 6 in median L*, or the darker one is smaller than 0.5 %
        or larger than 70 % of the picture.
    """
    if usable.sum() < 100:
        return None
    lightness = cv2.GaussianBlur(lab[..., 0], (0, 0), max(lab.shape[:2]) / 64)
    levels = np.clip(lightness * 2.55, 0, 255).astype("uint8")
    level, _ = cv2.threshold(levels[usable], 0, 255, cv2.THRESH_OTSU)
    lesion = (levels <= level) & usable
    lesion = cv2.morphologyEx(lesion.astype("uint8"), cv2.MORPH_OPEN, _disc(2)) > 0
    skin = usable & ~lesion
    share = lesion.mean()
    if not LESION_AREA[0] <= share <= LESION_AREA[1] or not skin.any():
        return None
    contrast = np.median(lightness[skin]) - np.median(lightness[lesion])
    return lesion if contrast >= MIN_LESION_CONTRAST else None


def skin_and_lesion(image, lab, lesion=None):
    """Return the plain skin and the lesion of a photograph.

    Left out of the skin: the lesion with a margin of 6 % of the shorter side, dark
    corners, dark and light hair and ruler ticks (thin structures), highlights, ink,
    and large things much darker or lighter than the rest.

    Args:
        image: (height, width, 3), RGB, uint8.
        lab: Its CIELAB values.
        lesion: (height, width), bool, or `None` to look for it.

    Returns:
        Tuple of the skin mask and the lesion mask (`None` where none was given or
        found), both (height, width), bool; the lesion without hair and corners.
    """
    short_side = min(image.shape[:2])
    usable = ~(_dark_corners(lab) | _thin_structures(image) | _highlights(image))
    if lesion is None:
        lesion = automatic_lesion_mask(lab, usable)
    skin = usable.copy()
    if lesion is not None:
        margin = _disc(max(1, round(LESION_MARGIN_SHARE * short_side)))
        skin &= cv2.dilate(lesion.astype("uint8"), margin) == 0
        lesion = lesion & usable
    if skin.any():
        skin &= ~_unlike_the_rest(lab, skin)
    return skin, lesion


def _disc(radius):
    side = 2 * radius + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def _dark_corners(lab):
    """Return black areas that reach the border, and the fade beside them."""
    black = (lab[..., 0] < BLACK).astype("uint8")
    if not black.any():
        return black > 0
    _, labels = cv2.connectedComponents(black)
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    corners = np.isin(labels, np.unique(border[border > 0])).astype("uint8")
    return cv2.dilate(corners, _disc(max(2, min(lab.shape[:2]) // 16))) > 0


def _thin_structures(image):
    """Return dark and light lines; the light ones half as wide.

    With the full width, skin between two dense dark hairs would pass as light hair.
    """
    width = HAIR_KERNEL_SHARE * min(image.shape[:2])
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    dark = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, _cross(width))
    light = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, _cross(width / 2))
    thin = (dark > DARK_HAIR) | (light > LIGHT_HAIR)
    return cv2.dilate(thin.astype("uint8"), _disc(1)) > 0


def _cross(width):
    side = max(3, 2 * round((width - 1) / 2) + 1)
    return cv2.getStructuringElement(cv2.MORPH_CROSS, (side, side))


def _highlights(image):
    return cv2.dilate((image.min(axis=-1) >= WHITE).astype("uint8"), _disc(1)) > 0


def _unlike_the_rest(lab, skin):
    """Return ink (bluer or greener than the skin) and large dark or light things."""
    lightness, a, b = np.median(lab[skin], axis=0)
    ink = (lab[..., 1] < a - INK_DISTANCE) | (lab[..., 2] < b - INK_DISTANCE)
    return ink | (np.abs(lab[..., 0] - lightness) > LIGHTNESS_DISTANCE)
