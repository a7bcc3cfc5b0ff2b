"""What a model says, fitted to the photographs of another clinic by a few labels."""

from dataclasses import dataclass

import numpy as np

from keras_derm.evaluation.class_scores.calibration import (
    add_class_biases,
    fit_class_biases,
)
from keras_derm.evaluation.class_scores.conformal import (
    ALPHA,
    ConformalSets,
    fit_conformal,
    least_images,
)

N_FOLDS = 5


@dataclass(frozen=True)
class Recalibration:
    """Biases of the classes and prediction sets; what `LabelledLesions.fit` returns.

    Args:
        biases: As of `add_class_biases`, or None where probabilities stay as they are.
        sets: `ConformalSets` of the probabilities with these.

    Example:
        >>> y_prob = recalibration.probabilities(y_prob)
        >>> member = recalibration.sets.predict(y_prob, colours)
    """

    biases: np.ndarray | None
    sets: ConformalSets

    def probabilities(self, y_prob):
        """Probabilities of photographs with the biases, `(n, classes)`."""
        return y_prob if self.biases is None else add_class_biases(y_prob, self.biases)


@dataclass(frozen=True)
class LabelledLesions:
    """What a model says of one photograph of each lesion whose diagnosis is known.

    Args:
        classes: Class names.
        y_true: Class indices, `(n,)`.
        y_prob: Probabilities, `(n, classes)`.
        groups: Group of each photograph, `(n,)`, such as its colour.

    Example:
        >>> lesions = LabelledLesions(classes, y_true, y_prob, colours)
        >>> fitted = lesions.fit(with_biases=True)
        >>> new_prob = fitted.probabilities(new_prob)
        >>> member = fitted.sets.predict(new_prob, new_colours)
    """

    classes: tuple
    y_true: np.ndarray
    y_prob: np.ndarray
    groups: np.ndarray

    def __len__(self):
        return len(self.y_true)

    def of(self, rows):
        """Some of them."""
        parts = (part[rows] for part in (self.y_true, self.y_prob, self.groups))
        return LabelledLesions(self.classes, *parts)

    def fit(self, alpha=ALPHA, with_biases=False, seed=0):
        """Fit sets, and biases where they are asked for.

        The sets are then fitted on probabilities of which each has biases fitted on
        other lesions, or they would promise too much.

        Args:
            alpha: As of `fit_conformal`.
            with_biases: Whether probabilities are fitted to the frequencies of the
                diagnoses, see `fit_class_biases`.
            seed: Of the folds.

        Returns:
            A `Recalibration`.

        Raises:
            ValueError: As `fit_conformal`.
        """
        biases, y_prob = None, self.y_prob
        if with_biases:
            biases = fit_class_biases(self.y_true, self.y_prob)
            y_prob = self.biased_by_others(seed)
        sets = fit_conformal(self.y_true, y_prob, self.groups, self.classes, alpha)
        return Recalibration(biases, sets)

    def biased_by_others(self, seed=0):
        """Probabilities of each lesion, with biases fitted on the others in folds."""
        y_prob = np.empty(np.shape(self.y_prob))
        for own in self._folds(seed):
            biases = fit_class_biases(self.y_true[~own], self.y_prob[~own])
            y_prob[own] = add_class_biases(self.y_prob[own], biases)
        return y_prob

    def sets_by_others(self, alpha=ALPHA, with_biases=False, seed=0):
        """Sets of each lesion, bool `(n, classes)`, fitted on the others in folds.

        None where the others are too few.
        """
        member = np.zeros(np.shape(self.y_prob), bool)
        for own in self._folds(seed):
            others, left = self.of(~own), self.of(own)
            if len(others) < least_images(alpha):
                return None
            fitted = others.fit(alpha, with_biases, seed)
            y_prob = fitted.probabilities(left.y_prob)
            member[own] = fitted.sets.predict(y_prob, left.groups)
        return member

    def _folds(self, seed):
        """Masks of five parts, drawn by seed."""
        fold = np.random.default_rng(seed).permutation(len(self)) % N_FOLDS
        return [fold == one for one in range(N_FOLDS)]
