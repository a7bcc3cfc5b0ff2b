"""What a measured value says of the labels that people would give."""

from dataclasses import dataclass

import numpy as np
from sklearn.isotonic import IsotonicRegression

from keras_derm.catalog import SKIN_TONE_SCALES, darkness

LEAST_PHOTOGRAPHS = 30


@dataclass(frozen=True)
class ToneCalibration:
    """Probabilities of the labels of a scale, given a value that rises with darkness.

    Isotonic distributional regression: for each label the probability of one that is
    darker is a monotone function of the value, fitted without any other assumption. At
    either end one photograph more is taken to contradict the others there, so that a
    few alike ones are not taken for certainty (Laplace's rule of succession).

    Attributes:
        scale: Name of the scale of the labels.
        values: Values at which the probabilities stand, ascending.
        darker: For each label but the last, the probability of a darker one at each
            value, (n_labels - 1, n_values); between them it is interpolated.
        fitted_on: What it was fitted on, in words.

    Example:
        >>> calibration = ToneCalibration.fit(-angles, labels, "milk10k", "our clinic")
        >>> calibration.probabilities(-35.0)
        array([0.05, 0.21, 0.62, 0.1 , 0.02, 0.  ])

    Reference:
        Henzi, Ziegel, Gneiting (2021), Isotonic distributional regression, JRSS B 83.
    """

    scale: str
    values: tuple
    darker: tuple
    fitted_on: str

    @classmethod
    def fit(cls, values, labels, scale, fitted_on):
        """Fit it on photographs of one device or archive and type.

        Args:
            values: Value of each photograph, higher where people are darker, such as
                minus the ITA; those without one are left out.
            labels: People's labels, of the scale.
            scale: Name of the scale.
            fitted_on: What they are, in words, for the report.

        Raises:
            ValueError: Fewer than 30 photographs have both.
        """
        values, labels = np.asarray(values, "float64"), np.asarray(labels, object)
        known = np.isfinite(values) & np.array([label == label for label in labels])
        if known.sum() < LEAST_PHOTOGRAPHS:
            raise ValueError(
                f"a calibration needs {LEAST_PHOTOGRAPHS} photographs with a label and "
                f"a value. Received: {known.sum()}"
            )
        values, ranks = values[known], np.array(darkness(labels[known], scale))
        places = np.unique(values)
        ends = np.array([places[0], places[-1]])
        darker = []
        for rank in range(len(SKIN_TONE_SCALES[scale]) - 1):
            regression = IsotonicRegression(y_min=0, y_max=1)
            is_darker = np.concatenate([ranks > rank, [True, False]])
            regression.fit(np.concatenate([values, ends]), is_darker.astype(float))
            darker.append(regression.predict(places))
        kept = _corners(np.array(darker))
        return cls(
            scale,
            tuple(places[kept].tolist()),
            tuple(tuple(one[kept].tolist()) for one in darker),
            fitted_on,
        )

    def probabilities(self, value):
        """Probability of each label at a value, the lightest label first."""
        above = [np.interp(value, self.values, one) for one in self.darker]
        return np.clip(-np.diff([1.0, *above, 0.0]), 0, 1)

    @classmethod
    def from_dict(cls, content):
        """Make it of its attributes, as JSON gives them back."""
        return cls(
            content["scale"],
            tuple(content["values"]),
            tuple(map(tuple, content["darker"])),
            content["fitted_on"],
        )


def _corners(steps):
    """Mask of the places where a step begins or ends; the others are interpolated."""
    change = (np.diff(steps, axis=1) != 0).any(axis=0)
    ends = np.array([True])
    return np.concatenate([ends, change]) | np.concatenate([change, ends])
