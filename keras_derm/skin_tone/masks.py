"""Where a dermoscopic photograph shows plain skin."""

import cv2
import numpy as np

HAIR_KERNEL_SHARE = 17 / 224
DARK_HAIR, LIGHT_HAIR = 10, 20
BLACK, WHITE = 15, 240
INK_DISTANCE = 15
LIGHTNESS_DISTANCE = 25
LESION_MARGIN_SHARE = 0.06
MIN_LESION_CONTRAST = 4
LEAST_LESION = 0.005
LARGEST_LESION = {"dermoscopic": 0.9, "clinical": 0.3}
"""Largest share of the picture that is taken for the lesion where it is looked for. A
dermoscopic photograph may be full of it; in a clinical one so large a dark area is the
shade of the body."""

HAIR_RADIUS_SHARE = 0.025
SMOOTHING_SHARE = 0.02
EDGE_SHIFT = 0.15
CENTRE_WEIGHT = 4.0


def published_mask(image):
    """Return the YCbCr skin mask of the lora_diffusion system, of RGB in uint8.

    Cb within 77-173 and Cr within 133-255. It keeps the lesion and much else.
    """
    _, cr, cb = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb))
    return (cb >= 77) & (cb <= 173) & (cr >= 133)


def automatic_lesion_mask(image, lab, usable, kind="dermoscopic"):
    """Return the lesion by Otsu's threshold on the blue channel, which melanin darkens.

    Hairs are closed first, as skin or lesion beside them would be, and the picture is
    smoothed. Of the dark areas the one that weighs most is taken, whole, with its
    holes: what lies near the middle weighs more, as a photographer aims at the lesion.

    Args:
        image: (height, width, 3), RGB, uint8.
        lab: Its CIELAB values.
        usable: (height, width), bool; pixels that are neither dark corner nor
            highlight.
        kind: "dermoscopic" or "clinical".

    Returns:
        (height, width), bool, or `None` where no lesion stands out: it is less than 4
        darker than the rest in median L*, or smaller than 0.5 % of the picture, or
        larger than 90 % of a dermoscopic or 30 % of a clinical one.
    """
    if usable.sum() < 100:
        return None
    blue = _without_hairs(image[..., 2], usable)
    dark = ((blue <= _edge_level(blue[usable])) & usable).astype("uint8")
    lesion = _central_area(cv2.morphologyEx(dark, cv2.MORPH_OPEN, _disc(2))) & usable
    skin = usable & ~lesion
    if not LEAST_LESION <= lesion.mean() <= LARGEST_LESION[kind] or not skin.any():
        return None
    lightness = lab[..., 0]
    contrast = np.median(lightness[skin]) - np.median(lightness[lesion])
    return lesion if contrast >= MIN_LESION_CONTRAST else None


def skin_and_lesion(image, lab, lesion=None, kind="dermoscopic"):
    """Return the plain skin and the lesion of a photograph.

    Left out of the skin: the lesion with a margin of 6 % of the shorter side, dark
    corners, dark and light hair and ruler ticks (thin structures), highlights, ink,
    and large things much darker or lighter than the rest.

    The lesion keeps its thin structures: most are pigment network, not hair, and its
    median colour hardly feels the hairs.

    Args:
        image: (height, width, 3), RGB, uint8.
        lab: Its CIELAB values.
        lesion: (height, width), bool, or `None` to look for it.
        kind: "dermoscopic" or "clinical", for that.

    Returns:
        Tuple of the skin mask and the lesion mask (`None` where none was given or
        found), both (height, width), bool; the lesion without dark corners and
        highlights.
    """
    short_side = min(image.shape[:2])
    usable = ~(_dark_corners(lab) | _highlights(image))
    if lesion is None:
        lesion = automatic_lesion_mask(image, lab, usable, kind)
    skin = usable & ~_thin_structures(image)
    if lesion is not None:
        margin = _disc(max(1, round(LESION_MARGIN_SHARE * short_side)))
        skin &= cv2.dilate(lesion.astype("uint8"), margin) == 0
        lesion = lesion & usable
    if skin.any():
        skin &= ~_unlike_the_rest(lab, skin)
    return skin, lesion


def _without_hairs(channel, usable):
    """Return a channel, hairs closed and smoothed over the usable pixels, uint8."""
    closed = cv2.morphologyEx(channel, cv2.MORPH_CLOSE, _hair_disc(channel))
    weight, sigma = usable.astype("float32"), SMOOTHING_SHARE * max(channel.shape)
    smooth = cv2.GaussianBlur(closed * weight, (0, 0), sigma)
    smooth /= np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-6)
    return np.round(smooth).clip(0, 255).astype("uint8")


def _edge_level(values):
    """Return Otsu's threshold, moved from half way to where the lesion ends."""
    level, _ = cv2.threshold(values, 0, 255, cv2.THRESH_OTSU)
    lesion, skin = values[values <= level], values[values > level]
    if not lesion.size or not skin.size:
        return level
    return level + EDGE_SHIFT * (skin.mean() - lesion.mean())


def _central_area(dark):
    """Return the connected area of most weight, its holes filled, bool."""
    y, x = (np.linspace(-1, 1, side) for side in dark.shape)
    nearness = np.exp(-CENTRE_WEIGHT * np.add.outer(y**2, x**2))
    n_areas, areas = cv2.connectedComponents(dark)
    weights = np.bincount(areas.ravel(), (nearness * dark).ravel(), n_areas)
    largest = ((areas == weights.argmax()) & (dark > 0)).astype("uint8")
    outlines, _ = cv2.findContours(largest, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(largest, outlines, -1, 1, cv2.FILLED) > 0


def _disc(radius):
    side = 2 * radius + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def _hair_disc(picture):
    """Return a disc that fits in no hair."""
    return _disc(max(1, round(HAIR_RADIUS_SHARE * min(picture.shape[:2]))))


def _dark_corners(lab):
    """Return black areas, not hairs, that reach the border, and the fade beside."""
    black = (lab[..., 0] < BLACK).astype("uint8")
    black = cv2.morphologyEx(black, cv2.MORPH_OPEN, _hair_disc(black))
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
    white = cv2.inRange(image, (WHITE,) * 3, (255,) * 3)
    return cv2.dilate(white, _disc(1)) > 0


def _unlike_the_rest(lab, skin):
    """Return ink (bluer or greener than the skin) and large dark or light things."""
    lightness, a, b = np.median(lab[skin], axis=0)
    ink = (lab[..., 1] < a - INK_DISTANCE) | (lab[..., 2] < b - INK_DISTANCE)
    return ink | (np.abs(lab[..., 0] - lightness) > LIGHTNESS_DISTANCE)
