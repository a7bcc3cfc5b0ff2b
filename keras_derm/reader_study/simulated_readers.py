"""Readers whose skill is known, to see whether intervals are right."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from keras_derm.reader_study.questions import ORIGIN_LEVELS

LIMITS = np.array([-1.6, -0.8, 0.0, 0.8, 1.6])
"""Where one level of certainty ends and the next begins, in standard deviations."""

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(61)


@dataclass(frozen=True)
class SimulatedReaders:
    """Readers who tell real from synthetic images as well as is asked for.

    What a reader sees of an image is a number: higher for synthetic images by
    `separation`, and blurred by what is particular to the image, to the reader, and to
    the two together. It becomes one of the six levels of certainty. With
    `image_share` 1 all readers are misled by the same images, with 0 each by others.

    Args:
        separation: Distance of synthetic from real images, in standard deviations of
            what a single reader sees; 0 is chance.
        reader_sd: Deviation between readers in how they see real and synthetic images:
            who is good at it.
        criterion_sd: Deviation between readers in where they begin to say synthetic.
        image_share: Share in [0, 1] of an image's blur that all readers have in common.

    Example:
        >>> readers = SimulatedReaders(separation=1.0)
        >>> ratings = readers.ratings(5, is_synthetic, np.random.default_rng(0))
        >>> readers.auc
        0.73

    Reference:
        Roe and Metz, Dorfman-Berbaum-Metz method for statistical analysis of
        multireader, multimodality ROC data: validation with computer simulation,
        Academic Radiology 4 (1997).
    """

    separation: float = 1.0
    reader_sd: float = 0.25
    criterion_sd: float = 0.3
    image_share: float = 0.4

    def ratings(self, n_readers, is_synthetic, generator):
        """Levels of certainty, integers 1 (surely real) to 6 (surely synthetic).

        Args:
            n_readers: Readers, drawn anew.
            is_synthetic: bool `(images,)`.
            generator: `numpy.random.Generator`.

        Returns:
            int array `(n_readers, images)`.
        """
        is_synthetic = np.asarray(is_synthetic, bool)
        shape = (n_readers, len(is_synthetic))
        skill = generator.normal(0, self.reader_sd, (n_readers, 2))
        criterion = generator.normal(0, self.criterion_sd, (n_readers, 1))
        image = generator.normal(0, np.sqrt(self.image_share), len(is_synthetic))
        seen = generator.normal(0, np.sqrt(1 - self.image_share), shape) + image
        seen += self.separation * (is_synthetic - 0.5) + criterion
        seen += skill[:, is_synthetic.astype(int)]
        return 1 + np.searchsorted(LIMITS, seen)

    @property
    def accuracy(self):
        """Share that is told rightly of as many real as synthetic images."""
        return float(self._over_criteria(self._accuracy))

    @property
    def auc(self):
        """Area under the ROC curve of the six levels, the mean over all readers."""
        return float(self._over_criteria(self._auc))

    def _over_criteria(self, figure):
        weights = _WEIGHTS / _WEIGHTS.sum()
        return weights @ [figure(self.criterion_sd * node) for node in _NODES]

    def _levels(self, centre):
        """Probability of each level for images about a centre, over all readers."""
        spread = np.sqrt(1 + self.reader_sd**2)
        below = norm.cdf((LIMITS - centre) / spread)
        return np.diff(below, prepend=0, append=1)

    def _accuracy(self, criterion):
        real = self._levels(criterion - self.separation / 2)
        synthetic = self._levels(criterion + self.separation / 2)
        half = ORIGIN_LEVELS // 2
        return (real[:half].sum() + synthetic[half:].sum()) / 2

    def _auc(self, criterion):
        real = self._levels(criterion - self.separation / 2)
        synthetic = self._levels(criterion + self.separation / 2)
        return synthetic @ (np.cumsum(real) - real / 2)
