"""The individual typology angle of one photograph."""

import itertools

import cv2
import numpy as np

from keras_derm.colour import cielab, colour_difference, median_colour
from keras_derm.lesion_finders import shipped_finder
from keras_derm.lesion_finders.outline import shrunk
from keras_derm.skin_tone.masks import published_mask, skin_and_lesion
from keras_derm.skin_tone.thresholds import (
    UNDETERMINED,
    check_thresholds,
    tone_of_angle,
)

RULES = ("quadrant", "published")
PUBLISHED_MIN_PIXELS = 500
MIN_SKIN_SHARE = 0.10
MIN_SKIN_SHARE_WITHOUT_MASK = 0.20
MAX_INTERVAL = 30.0
MIN_B = -12.0
MIN_CHROMA = 1.0
MAX_RED_OF_DARK_SKIN = 28.0
MIN_COLOUR_OF_DARK_SKIN = 0.40
WORKING_SIZE = 256
N_GRID = 8
N_RESAMPLES = 200


class SkinView:
    """A photograph shrunk to 256 pixels, its CIELAB values, skin and lesion.

    Args:
        image: (height, width, 3), RGB, uint8.
        lesion: (height, width), true or not 0 in the lesion, or `None`.
        kind: "dermoscopic" or "clinical": how large a lesion may be that is looked for.
        finder: `keras_derm.lesion_finders.LesionFinder` that looks for it, in place of
            the one that comes along.

    Attributes:
        image, lab: The shrunk photograph and its CIELAB values.
        skin: (height, width), bool.
        lesion: (height, width), bool, or `None`.
        outline: `LesionOutline` that was found where the lesion was looked for.

    Raises:
        ValueError: If the image is not RGB in uint8, or the lesion of another size.

    Example:
        >>> IndividualTypologyAngle("published").measure_view(SkinView(image))
    """

    def __init__(self, image, lesion=None, kind="dermoscopic", finder=None):
        image = np.asarray(image)
        if image.ndim != 3 or image.shape[-1] != 3 or image.dtype != np.uint8:
            raise ValueError(
                "`image` must be RGB, uint8, (height, width, 3). Received: "
                f"{image.dtype} of shape {image.shape}"
            )
        self.n_pixels = image.shape[0] * image.shape[1]
        self.lesion_given = lesion is not None
        self.image, lesion = _shrunk(image, lesion)
        self.lab = cielab(self.image)
        self.outline = None
        if lesion is None:
            self.outline = (finder or shipped_finder(kind)).find(self.image)
            lesion = self.outline.lesion
        self.skin, self.lesion = skin_and_lesion(self.image, self.lab, lesion)


class IndividualTypologyAngle:
    """Apparent skin tone: ITA = (180 / pi) * arctan((L* - 50) / b*) over the skin.

    `rule="quadrant"` (default) takes the medians of L* and b* in float CIELAB (D65)
    over the skin around the lesion (`keras_derm.skin_tone.masks.skin_and_lesion`)
    and the angle by atan2, which goes on smoothly past 90 degrees where the light
    gives bright skin a pink cast (b* < 0). A bootstrap over the cells of an 8 x 8
    grid gives the 95 % interval. The tone is `"undetermined"`, with a reason, where
    the skin covers less than 10 % of the picture (20 % where the lesion was looked for:
    one that fills the picture is found too small), the interval is wider than 30
    degrees, the skin has no colour (chroma below 1, as in a grey photograph), or the
    cast is strong (b* below -12, or b* < 0 on skin with L* < 50, where the angle has
    no meaning). Types V and VI are believed only where melanin can have made the skin
    dark: a* above 28 means that blood or light did, and a chroma below 0.40 L* that
    light skin was underexposed (exposure changes both alike, melanin adds colour).
    Skin of types V and VI in the phantom has a* up to 24 and chroma from 0.45 L*.

    `rule="published"` is that of the lora_diffusion system, for comparison: YCbCr
    mask, at least 500 pixels, means, plain arctan, which turns bright skin with
    b* < 0 into type VI.

    Measure original photographs, not enhanced ones. Photographs are shrunk to 256
    pixels on the longer side first; counts of pixels refer to the original.

    Args:
        rule: `"quadrant"` or `"published"`.
        thresholds: Name of the table of types, `"del_bino"`, `"kinyanjui"` or
            `"groh"`.

    Example:
        >>> measured = IndividualTypologyAngle().measure(image)
        >>> measured["ita_type"], measured["ita"]
        ('II', 47.2)

    Reference:
        Chardon et al., Skin colour typology and suntanning pathways, International
        Journal of Cosmetic Science 13, 1991.
    """

    def __init__(self, rule="quadrant", thresholds="del_bino"):
        if rule not in RULES:
            raise ValueError(f"`rule` must be one of {RULES}. Received: {rule!r}")
        check_thresholds(thresholds)
        self.rule = rule
        self.thresholds = thresholds

    def measure(self, image, lesion=None):
        """Measure one photograph.

        Args:
            image: (height, width, 3), RGB, uint8.
            lesion: (height, width), true or not 0 in the lesion, or `None` to look
                for the lesion. The published rule does not use it for the angle.

        Returns:
            Dict of `ita`, `ita_low`, `ita_high` in degrees; `ita_type`; `ita_reason`,
            empty unless undetermined; `skin_pixels`; `contrast`, the CIEDE2000
            difference of median skin and median lesion, NaN without a lesion;
            `lightness`, `a` and `b`, the L*, a* and b* of the skin.
        """
        return self.measure_view(SkinView(image, lesion))

    def measure_photograph(self, photograph):
        """Measure a `keras_derm.skin_tone.Photograph`, as `measure`."""
        return self.measure_view(photograph.view)

    def measure_view(self, view):
        """Measure a `SkinView`, as `measure`; two rules may share one view."""
        contrast = _contrast(view.lab, view.skin, view.lesion)
        return self.measure_angle(view) | {"contrast": contrast}

    def measure_angle(self, view):
        """Measure a `SkinView`, as `measure_view` but for the contrast."""
        lab, published = view.lab, self.rule == "published"
        skin = published_mask(view.image) if published else view.skin
        share = skin.mean()
        angles, colour = (np.nan,) * 3, (np.nan,) * 3
        if skin.any():
            angles, colour = (_published if published else _quadrant)(lab, skin)
        measured = dict(zip(("ita", "ita_low", "ita_high"), angles, strict=True))
        measured |= zip(("lightness", "a", "b"), colour, strict=True)
        measured["skin_pixels"] = round(share * view.n_pixels)
        measured["ita_reason"] = self._doubt(measured, share, view.lesion_given)
        tone = str(tone_of_angle(measured["ita"], self.thresholds))
        measured["ita_type"] = UNDETERMINED if measured["ita_reason"] else tone
        return measured

    def _doubt(self, measured, share, lesion_given):
        if self.rule == "published":
            few = measured["skin_pixels"] < PUBLISHED_MIN_PIXELS
            return "too little skin: fewer than 500 pixels" if few else ""
        needed = MIN_SKIN_SHARE if lesion_given else MIN_SKIN_SHARE_WITHOUT_MASK
        if share < needed:
            return f"too little skin: {share:.1%} of the picture"
        chroma = np.hypot(measured["a"], measured["b"])
        if chroma < MIN_CHROMA:
            return f"no colour, as in a grey photograph: chroma {chroma:.1f}"
        if measured["b"] < MIN_B:
            return f"strong colour cast: b* {measured['b']:.1f}"
        if measured["b"] < 0 and measured["lightness"] < 50:
            return f"colour cast on dark picture: b* {measured['b']:.1f}"
        width = measured["ita_high"] - measured["ita_low"]
        if np.isnan(width):
            return "too little skin: in fewer than 3 cells of the grid"
        if width > MAX_INTERVAL:
            return f"uncertain: 95 % interval {width:.0f} degrees wide"
        if tone_of_angle(measured["ita"], self.thresholds) in ("V", "VI"):
            return _doubt_of_darkness(measured)
        return ""


def angle(lightness, b):
    """Return the quadrant-aware ITA in degrees, within (-180, 180]."""
    return np.degrees(np.arctan2(np.asarray(lightness) - 50.0, b))


def _doubt_of_darkness(measured):
    """Return why melanin cannot have made this skin so dark, or nothing."""
    lightness, a, b = measured["lightness"], measured["a"], measured["b"]
    if a > MAX_RED_OF_DARK_SKIN:
        return f"dark by a red cast: a* {a:.0f}"
    if np.hypot(a, b) < MIN_COLOUR_OF_DARK_SKIN * lightness:
        return f"dark but grey, as underexposed: chroma {np.hypot(a, b):.0f}"
    return ""


def angle_difference(first, second):
    """Return first - second in degrees, within [-180, 180): angles go in a circle."""
    return (np.asarray(first) - second + 180.0) % 360.0 - 180.0


def _published(lab, skin):
    """Angle without an interval, and the mean colour of the skin."""
    lightness, a, b = lab[skin].mean(axis=0, dtype="float64")
    with np.errstate(divide="ignore", invalid="ignore"):
        ita = np.degrees(np.arctan(np.float64(lightness - 50) / b))
    return (ita, np.nan, np.nan), (lightness, a, b)


def _quadrant(lab, skin):
    """Angle with its interval, and the median colour of the skin."""
    lightness, a, b = median_colour(lab, skin).astype("float64")
    ita = angle(lightness, b)
    return (ita, *_bootstrap_interval(lab, skin, ita)), (lightness, a, b)


def _shrunk(image, lesion):
    height, width = image.shape[:2]
    if lesion is not None:
        lesion = np.asarray(lesion)
        if lesion.shape != (height, width):
            raise ValueError(
                f"`lesion` must have the shape of the image, {(height, width)}. "
                f"Received: {lesion.shape}"
            )
        lesion = (lesion != 0).astype("uint8")
    image = shrunk(image, WORKING_SIZE)
    if lesion is not None and image.shape[:2] != (height, width):
        size = image.shape[1::-1]
        lesion = cv2.resize(lesion, size, interpolation=cv2.INTER_NEAREST)
    return image, None if lesion is None else lesion > 0


def _contrast(lab, skin, lesion):
    if lesion is None or not lesion.any() or not skin.any():
        return np.nan
    return colour_difference(*(median_colour(lab, m) for m in (skin, lesion)))


def _bootstrap_interval(lab, skin, ita):
    """Return the 95 % interval of the angle from resampled grid cells."""
    cells = _cell_medians(lab, skin)
    if len(cells) < 3:
        return np.nan, np.nan
    generator = np.random.default_rng(0)
    drawn = cells[generator.integers(len(cells), size=(N_RESAMPLES, len(cells)))]
    # Sorted in rows: medians of what lies far apart are slow.
    drawn = np.sort(np.ascontiguousarray(drawn.transpose(2, 0, 1)), axis=-1)
    middle = drawn[..., (len(cells) - 1) // 2] + drawn[..., len(cells) // 2]
    lightness, b = middle / 2
    difference = angle_difference(angle(lightness, b), ita)
    low, high = np.percentile(difference, [2.5, 97.5])
    # Cells count alike whatever their area, so the middle may lie a little aside.
    return ita + min(low, 0.0), ita + max(high, 0.0)


def _cell_medians(lab, skin):
    """Return median L* and b* of the grid cells that are a third skin, (n, 2)."""
    rows, columns = (_slices(side) for side in skin.shape)
    medians = []
    for cell in itertools.product(rows, columns):
        n_skin = np.count_nonzero(skin[cell])
        if n_skin and n_skin >= skin[cell].size / 3:
            # Sorted by hand: `np.median` of so few pixels is mostly overhead.
            values = np.sort(lab[cell][skin[cell]].T[::2])
            middle = values[:, (n_skin - 1) // 2] + values[:, n_skin // 2]
            medians.append(middle / 2)
    return np.array(medians)


def _slices(side):
    """Return the slices that cut a side into the parts of the grid."""
    parts = np.array_split(np.arange(side), N_GRID)
    return [slice(part[0], part[-1] + 1) for part in parts if part.size]
