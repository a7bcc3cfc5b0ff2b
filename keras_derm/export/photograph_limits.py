"""Is a photograph like those that a model learned from? Limits measured on them."""

from dataclasses import dataclass

import cv2
import numpy as np

from keras_derm.colour import cielab, median
from keras_derm.lesion_finders.outline import shrunk
from keras_derm.skin_tone.individual_typology_angle import WORKING_SIZE

LEAST_PHOTOGRAPHS = 30
QUANTILES = (0.005, 0.01, 0.05, 0.5, 0.95, 0.99, 0.995)
LOW, HIGH = "0.01", "0.99"
COLOUR_BIN = 4
COLOUR_BINS = 64
USUAL_SHARE = 0.999
SMALLEST_VARIANCE = 1e-6


@dataclass(frozen=True)
class PhotographLimits:
    """How sharp, bright and coloured the training photographs are.

    A warning says that a photograph lies beyond what one training photograph in a
    hundred does: sharpness (variance of the Laplacian of L*) below the first
    percentile; lightness (median L*) below the first or above the last; more pixels
    of colours that the training photographs do not have than their last percentile;
    or farther from them all in colour, contrast and layout (Mahalanobis). Photographs
    are shrunk to 256 pixels first.

    Args:
        n: Number of training photographs measured.
        quantiles: Dict from a measure to a dict from a share, such as `"0.01"`, to the
            value that this share of the training photographs lies below.
        usual_colours: Bins of CIELAB's (a*, b*) that hold 99.9 % of their pixels.
        mean: Mean of their summaries, see `summary`.
        precision: Inverse of the covariance of their summaries.

    Example:
        >>> limits = fit_photograph_limits(photographs)
        >>> limits.warnings(image)
        ['blurred: sharpness 0.4, 99 % of the training photographs have more than 1.1']
    """

    n: int
    quantiles: dict
    usual_colours: list
    mean: list
    precision: list

    def measure(self, image, lab=None):
        """Measure one photograph.

        Args:
            image: (height, width, 3), RGB, uint8.
            lab: Where they are known, the CIELAB values of the photograph shrunk to
                256 pixels, as in `keras_derm.skin_tone.SkinView`.

        Returns:
            Dict of `sharpness`, `lightness`, `unusual_colour` (share of the pixels)
            and `distance` (Mahalanobis).
        """
        return self._measures(*_described(image, lab))

    def warnings(self, image, lab=None):
        """Say in which respects a photograph is unlike the training photographs.

        It is as `measure` takes it, and the list of str empty where it is like them.
        """
        found = self.measure(image, lab)
        return [
            f"{words}: {name.replace('_', ' ')} {found[name]:.3g}, 99 % of the "
            f"training photographs have {'more' if below else 'less'} than {limit:.3g}"
            for name, share, below, words in _RULES
            for limit in [self.quantiles[name][share]]
            if (found[name] < limit if below else found[name] > limit)
        ]

    def _measures(self, colours, summary):
        usual = np.zeros(COLOUR_BINS**2, bool)
        usual[self.usual_colours] = True
        offset = summary - np.asarray(self.mean)
        return {
            "sharpness": float(np.exp(summary[-1])),
            "lightness": float(summary[0]),
            "unusual_colour": float(colours[~usual].sum()),
            "distance": float(np.sqrt(offset @ np.asarray(self.precision) @ offset)),
        }


_RULES = (
    ("sharpness", LOW, True, "blurred"),
    ("lightness", LOW, True, "too dark"),
    ("lightness", HIGH, False, "too bright"),
    ("unusual_colour", HIGH, False, "unusual colours"),
    ("distance", HIGH, False, "unlike the training photographs"),
)


def fit_photograph_limits(images):
    """Measure training photographs.

    Args:
        images: Iterable of photographs, each (height, width, 3), RGB, uint8, taken one
            by one; 30 or more.

    Returns:
        `PhotographLimits`.

    Raises:
        ValueError: If they are fewer.
    """
    described = [_described(image) for image in images]
    if len(described) < LEAST_PHOTOGRAPHS:
        raise ValueError(
            f"limits need {LEAST_PHOTOGRAPHS} training photographs or more. "
            f"Received: {len(described)}"
        )
    colours, summaries = map(np.array, zip(*described, strict=True))
    covariance = np.cov(summaries, rowvar=False)
    covariance += SMALLEST_VARIANCE * np.eye(len(covariance))
    limits = PhotographLimits(
        n=len(described),
        quantiles={},
        usual_colours=_usual(colours.mean(axis=0)),
        mean=summaries.mean(axis=0).tolist(),
        precision=np.linalg.inv(covariance).tolist(),
    )
    measured = [limits._measures(*one) for one in described]
    for name in measured[0]:
        values = np.quantile([one[name] for one in measured], QUANTILES)
        limits.quantiles[name] = dict(
            zip(map(str, QUANTILES), values.tolist(), strict=True)
        )
    return limits


def _usual(shares):
    """The fewest colours that together hold 99.9 % of the pixels."""
    order = np.argsort(-shares, kind="stable")
    held = np.cumsum(shares[order]) - shares[order]
    return np.sort(order[held < USUAL_SHARE]).tolist()


def _described(image, lab=None):
    """Histogram over (a*, b*), and median L*, means, spreads, layout, sharpness."""
    if lab is None:
        lab = cielab(_shrunk(image))
    # By themselves, as sums over what lies far apart are slow and less exact.
    lightness, a, b = channels = [np.ascontiguousarray(lab[..., i]) for i in range(3)]
    index = (_bin(a) * COLOUR_BINS + _bin(b)).astype(int)
    colours = np.bincount(index.ravel(), minlength=COLOUR_BINS**2) / index.size
    height, width = lightness.shape
    top, left = height // 4, width // 4
    centre = lightness[top : height - top, left : width - left]
    sharpness = cv2.Laplacian(lightness, cv2.CV_32F).var()
    summary = [
        median(lightness.ravel()),
        *(a.mean(), b.mean()),
        *(channel.std() for channel in channels),
        centre.mean() - lightness.mean(),
        np.log(sharpness + SMALLEST_VARIANCE),
    ]
    return colours, np.array(summary, "float64")


def _bin(channel):
    bins = np.floor(channel / COLOUR_BIN) + COLOUR_BINS // 2
    return np.clip(bins, 0, COLOUR_BINS - 1)


def _shrunk(image):
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[-1] != 3 or image.dtype != np.uint8:
        raise ValueError(
            "`image` must be RGB, uint8, (height, width, 3). Received: "
            f"{image.dtype} of shape {image.shape}"
        )
    return shrunk(image, WORKING_SIZE)
