"""What is found where a lesion is looked for."""

import functools
from dataclasses import dataclass

import cv2
import numpy as np

CUT_OFF_SHARE = 0.05
"""Share of the border of the picture that a lesion touches that is called cut off."""

BAND_SHARE = 0.04
"""Half of the width of the band along the outline in which entropy is taken, as a
share of the side."""


@dataclass(frozen=True)
class LesionOutline:
    """A lesion in a photograph.

    Attributes:
        mask: (height, width), bool, of the size of the photograph; all false where no
            lesion was found.
        probability: (height, width), float in [0, 1] of lesion, where the finder gives
            it, else `None`.

    Example:
        >>> found = shipped_finder().find(image)
        >>> found.share, found.is_cut_off
        (0.23, False)
    """

    mask: np.ndarray
    probability: np.ndarray | None = None

    @property
    def lesion(self):
        """The mask, or `None` where no lesion was found."""
        return self.mask if self.mask.any() else None

    @property
    def share(self):
        """Share of the picture that is lesion."""
        return float(self.mask.mean())

    @property
    def is_cut_off(self):
        """Whether the lesion goes on beyond the border of the picture."""
        mask = self.mask
        border = np.concatenate([mask[0], mask[-1], mask[1:-1, 0], mask[1:-1, -1]])
        return bool(border.mean() > CUT_OFF_SHARE)

    @functools.cached_property
    def border_entropy(self):
        """Mean entropy of the probability along the outline, in bits.

        The mean over a band of 4 % of the shorter side to both sides of the outline: 0
        where lesion and skin are told apart from one pixel to the next, 1 where nobody
        could. NaN without a lesion or without probabilities.
        """
        if self.probability is None or not self.mask.any():
            return np.nan
        band = border_band(self.mask)
        p = np.clip(self.probability[band].astype("float64"), 1e-6, 1 - 1e-6)
        return float(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)).mean())


def border_band(mask):
    """Pixels near the outline of a mask, (height, width), bool."""
    radius = max(1, round(BAND_SHARE * min(mask.shape)))
    side = 2 * radius + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    band = np.zeros(mask.shape, bool)
    if not mask.any():
        return band
    # Elsewhere there is no band, and a large disc takes its time.
    box = tuple(
        slice(max(0, first - radius), last + radius + 1)
        for first, last in (
            np.flatnonzero(mask.any(axis=axis))[[0, -1]] for axis in (1, 0)
        )
    )
    levels = mask[box].astype("uint8")
    band[box] = cv2.morphologyEx(levels, cv2.MORPH_GRADIENT, disc) > 0
    return band


def shrunk(image, longest_side):
    """An image whose longer side is at most so many pixels, in its proportions."""
    scale = longest_side / max(image.shape[:2])
    if scale >= 1:
        return image
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def squared(image, side):
    """A photograph stretched to the square of a network, (side, side, 3), float32."""
    shrinks = min(image.shape[:2]) > side
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image, (side, side), interpolation=method).astype("float32")


def outline_of(probability, size):
    """The lesion that the probabilities of a square amount to in its photograph.

    Args:
        probability: (side, side), in [0, 1].
        size: Height and width of the photograph.

    Returns:
        `LesionOutline`: the largest area above one half, holes filled.
    """
    height, width = size
    stretched = cv2.resize(
        np.asarray(probability, "float32"),
        (width, height),
        interpolation=cv2.INTER_LINEAR,
    )
    return LesionOutline(largest_component(stretched > 0.5), stretched)


def largest_component(mask):
    """Keep the largest connected area of a mask, and fill its holes.

    What the layer `keras_derm.segmentation.LargestComponent` does in the graph.

    Args:
        mask: (height, width), bool.

    Returns:
        (height, width), bool.
    """
    n_areas, areas, stats, _ = cv2.connectedComponentsWithStats(mask.view("uint8"))
    filled = np.zeros(mask.shape, bool)
    if n_areas < 2:
        return filled
    largest = 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA])
    left, top, width, height = stats[largest, : cv2.CC_STAT_AREA]
    box = slice(top, top + height), slice(left, left + width)
    outside = np.pad(areas[box] != largest, 1, constant_values=True).view("uint8")
    _, around = cv2.connectedComponents(outside, connectivity=4)
    filled[box] = (around != around[0, 0])[1:-1, 1:-1]
    return filled
