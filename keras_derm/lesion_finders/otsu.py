"""The lesion by Otsu's threshold: plainly, and as well as a rule can."""

from dataclasses import dataclass

import cv2
import numpy as np

from keras_derm.colour import cielab
from keras_derm.lesion_finders.finder import LesionFinder
from keras_derm.lesion_finders.outline import LesionOutline

BLACK, WHITE = 15, 240
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


@dataclass(frozen=True)
class PlainOtsuFinder(LesionFinder):
    """The darker class of Otsu's threshold on blurred L*, all of it.

    What every rule and network has to beat.

    Example:
        >>> PlainOtsuFinder().find(image).share
        0.31

    Reference:
        Otsu, A threshold selection method from gray-level histograms, IEEE
        Transactions on Systems, Man, and Cybernetics 9, 1979.
    """

    name: str = "Otsu"

    def find(self, image):
        lightness = cielab(image)[..., 0] * 2.55
        blurred = cv2.GaussianBlur(lightness, (0, 0), max(image.shape) / 64)
        levels = blurred.clip(0, 255).astype("uint8")
        level, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)
        return LesionOutline(levels <= level)


@dataclass(frozen=True)
class AutomaticFinder(LesionFinder):
    """The rule of `automatic_lesion_mask`, for where there is no network.

    Args:
        kind: "dermoscopic" or "clinical".

    Example:
        >>> AutomaticFinder("clinical").find(image).lesion is None
        True
    """

    name: str = "rule"
    kind: str = "dermoscopic"

    def find(self, image):
        lab = cielab(image)
        usable = usable_pixels(image, lab)
        lesion = automatic_lesion_mask(image, lab, usable, self.kind)
        return LesionOutline(np.zeros(usable.shape, bool) if lesion is None else lesion)


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
    lesion = _central_area(cv2.morphologyEx(dark, cv2.MORPH_OPEN, disc(2))) & usable
    skin = usable & ~lesion
    if not LEAST_LESION <= lesion.mean() <= LARGEST_LESION[kind] or not skin.any():
        return None
    lightness = lab[..., 0]
    contrast = np.median(lightness[skin]) - np.median(lightness[lesion])
    return lesion if contrast >= MIN_LESION_CONTRAST else None


def usable_pixels(image, lab):
    """Return the pixels that are neither dark corner nor highlight, bool."""
    return ~(_dark_corners(lab) | _highlights(image))


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


def disc(radius):
    """Return the structuring element of a disc."""
    side = 2 * radius + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def _hair_disc(picture):
    """Return a disc that fits in no hair."""
    return disc(max(1, round(HAIR_RADIUS_SHARE * min(picture.shape[:2]))))


def _dark_corners(lab):
    """Return black areas, not hairs, that reach the border, and the fade beside."""
    black = (lab[..., 0] < BLACK).astype("uint8")
    black = cv2.morphologyEx(black, cv2.MORPH_OPEN, _hair_disc(black))
    if not black.any():
        return black > 0
    _, labels = cv2.connectedComponents(black)
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    corners = np.isin(labels, np.unique(border[border > 0])).astype("uint8")
    return cv2.dilate(corners, disc(max(2, min(lab.shape[:2]) // 16))) > 0


def _highlights(image):
    white = cv2.inRange(image, (WHITE,) * 3, (255,) * 3)
    return cv2.dilate(white, disc(1)) > 0
