"""What a set of made images shows that none of them shows alone.

Each measure of the made images is held against the same of real ones: a random half of
the real images against the other half, many times, says how far a set of so many images
strays by chance (its 0.99 quantile). The allowance beside it was chosen on HAM10000 and
phantoms (`benchmarks/set_screening.py` prints the figures), such that real images that
were held out, saved again as JPEG or shrunk to three quarters and back pass, and such
that are blurred, gridded, few over and over, or of a GAN of 600 steps do not.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import pairwise_distances

from keras_derm.evaluation.image_quality.feature_distances import (
    cubic_kernel,
    unbiased_discrepancy,
)
from keras_derm.generative.screening.criteria import small_images, texture_features
from keras_derm.generative.screening.spectra import (
    grid_excess,
    log_spectra,
    power_spectra,
    sharpness,
)

N_HALVES = 100
LIMIT_QUANTILE = 0.99
CLIPPED_AT = 5.0

LEAST_DIVERSITY = 0.6
LEAST_NEAREST = 0.6
MOST_DISTANCE = 3.0
MOST_SPECTRUM = 1.75
MOST_SHARPNESS = 1.0
MOST_GRID = 0.75

BLURRED_OR_NOISY = "blurred or noisy"
"""Which of the two, the sign of the difference in sharpness says."""


@dataclass(frozen=True)
class SetCriterion:
    """A measure of sets, and how far beyond chance it may go.

    Attributes:
        name: Its column.
        fault: What a set is that fails, in a word or two.
        allowance: Added to the 0.99 quantile of what real halves give by chance; of
            ratios, factor of the 0.01 quantile below which they must not fall.
        is_ratio: Whether it is the ratio to real images, of which little is bad.
        of_a_cell: Whether it means something within one cell alone: where a made set
            is compared with images of other cells too, their mixture differs.

    Example:
        >>> SetCriterion("grid", "gridded", MOST_GRID).limit(by_chance)
    """

    name: str
    fault: str
    allowance: float
    is_ratio: bool = False
    of_a_cell: bool = False

    def limit(self, by_chance):
        """Limit of the measure, from what real halves give."""
        if self.is_ratio:
            return self.allowance * np.quantile(by_chance, 1 - LIMIT_QUANTILE)
        return self.allowance + np.quantile(by_chance, LIMIT_QUANTILE)

    def fails(self, value, limit):
        """Whether a value, if there is one, lies beyond the limit."""
        return value < limit if self.is_ratio else value > limit


SET_CRITERIA = (
    SetCriterion("diversity", "all alike", LEAST_DIVERSITY, is_ratio=True),
    SetCriterion("nearest_distance", "few over and over", LEAST_NEAREST, is_ratio=True),
    SetCriterion(
        "feature_distance", "unlike real images", MOST_DISTANCE, of_a_cell=True
    ),
    SetCriterion("spectrum_distance", BLURRED_OR_NOISY, MOST_SPECTRUM),
    SetCriterion("sharpness_difference", BLURRED_OR_NOISY, MOST_SHARPNESS),
    SetCriterion("grid", "gridded", MOST_GRID),
)


class ImageSet:
    """Images as the measures of sets need them.

    Args:
        images: uint8 (n, side, side, 3).
        features: Features of them, (n, d), where a network describes them; else they
            are of pixels at 16 x 16, colours and textures.

    Example:
        >>> measure_set(ImageSet(made), ImageSet(real))
    """

    def __init__(self, images, features=None):
        power = power_spectra(images)
        self.spectra = log_spectra(power)
        self.grids = grid_excess(power)
        self.sharpness = sharpness(images)
        self.small = small_images(images).reshape(len(images), -1)
        self.features = features
        if features is None:
            pixels = np.asarray(images, "float64").reshape(len(images), -1, 3)
            colours = np.concatenate([pixels.mean(axis=1), pixels.std(axis=1)], axis=1)
            self.blocks = self.small, colours, texture_features(images)

    def __len__(self):
        return len(self.sharpness)

    def described_beside(self, real):
        """Features that are compared: (n, d).

        Where no network gave them, pixels, colours and textures count alike, and each
        is standardised by the real images.
        """
        if self.features is not None:
            return np.asarray(self.features, "float64")
        n_features = sum(block.shape[1] for block in real.blocks)
        parts = []
        for block, reference in zip(self.blocks, real.blocks, strict=True):
            scores = (block - reference.mean(axis=0)) / (reference.std(axis=0) + 1e-6)
            weight = n_features / (len(real.blocks) * block.shape[1])
            parts.append(np.clip(scores, -CLIPPED_AT, CLIPPED_AT) * np.sqrt(weight))
        return np.concatenate(parts, axis=1)


def measure_set(made, real, seed=0):
    """Measures of a set of made images, each with its limit.

    Args:
        made: `ImageSet` of the made images.
        real: `ImageSet` of real training images, of the same cell at best; 4 or more.
        seed: Seed of the halves.

    Returns:
        Dict: of each of `SET_CRITERIA` the value and, as `..._limit`, the limit.
        `diversity`, mean distance of two images (features), and `nearest_distance`,
        mean distance to the nearest of the set (pixels at 16 x 16), both over those of
        real sets of the same size, NaN where there is one image; `feature_distance`,
        kernel distance to the real images; `spectrum_distance`, largest difference of
        the mean log spectra, `sharpness_difference`, absolute, and `grid`, largest
        excess of a frequency of grids over that of real images, in nats. Besides
        `sharpness`, the difference with its sign: below 0 the set is blurred.
    """
    generator = np.random.default_rng(seed)
    made_pairs, real_pairs = _Pairs(made, real), _Pairs(real, real)
    between = cubic_kernel(made_pairs.features, real_pairs.features)
    n_made, n_real = len(made), len(real)
    size = min(n_made, n_real // 2)
    chance, drawn = [], []
    for _ in range(N_HALVES):
        order = generator.permutation(n_real)
        some, half, others = order[:size], order[n_real // 2 :], order[-size:]
        apart = real_pairs.discrepancy(some, real_pairs, others, real_pairs.kernel)
        found = _fine_structure(real, some, real, half) | real_pairs.within(some)
        chance.append(found | {"feature_distance": apart})
        rows = generator.permutation(n_made)[:size]
        apart = made_pairs.discrepancy(rows, real_pairs, some, between)
        drawn.append(made_pairs.within(rows) | {"feature_distance": apart})
    chance, drawn = pd.DataFrame(chance), pd.DataFrame(drawn).mean()
    ratios = [one.name for one in SET_CRITERIA if one.is_ratio]
    drawn[ratios] /= chance[ratios].mean()
    chance[ratios] /= chance[ratios].mean()
    everything = np.arange(n_made), real, np.arange(n_real)
    measures = _fine_structure(made, *everything) | drawn.to_dict()
    limits = {f"{one.name}_limit": one.limit(chance[one.name]) for one in SET_CRITERIA}
    sharper = made.sharpness.mean() - real.sharpness.mean()
    return {
        name: float(value)
        for name, value in (measures | limits | {"sharpness": sharper}).items()
    }


class _Pairs:
    """Every two images of a set: how far apart they are, and their kernel."""

    def __init__(self, images, real):
        self.features = images.described_beside(real)
        self.kernel = cubic_kernel(self.features, self.features)
        self.apart, self.near = map(pairwise_distances, (self.features, images.small))
        np.fill_diagonal(self.near, np.inf)

    def within(self, rows):
        """Mean distance of two of some images, and of one to the nearest."""
        if len(rows) < 2:
            return {"diversity": np.nan, "nearest_distance": np.nan}
        part = np.ix_(rows, rows)
        n_pairs = len(rows) * (len(rows) - 1)
        return {
            "diversity": self.apart[part].sum() / n_pairs,
            "nearest_distance": self.near[part].min(axis=1).mean(),
        }

    def discrepancy(self, rows, others, columns, between):
        """Kernel distance of some images to as many others."""
        if len(rows) < 2:
            return np.nan
        return unbiased_discrepancy(
            self.kernel[np.ix_(rows, rows)],
            others.kernel[np.ix_(columns, columns)],
            between[np.ix_(rows, columns)],
        )


def _fine_structure(first, rows, second, others):
    """Differences of spectrum, sharpness and grid between rows of two sets."""

    def difference(name):
        means = [
            getattr(one, name)[part].mean(axis=0)
            for one, part in ((first, rows), (second, others))
        ]
        return means[0] - means[1]

    return {
        "spectrum_distance": np.abs(difference("spectra")).max(),
        "sharpness_difference": np.abs(difference("sharpness")),
        "grid": difference("grids").max(),
    }
