"""Estimators by the colour of the skin in the photograph."""

import json
from dataclasses import dataclass, field

import numpy as np
from sklearn.isotonic import IsotonicRegression

from keras_derm.catalog import SKIN_TONE_SCALES, darkness
from keras_derm.files import write_json
from keras_derm.skin_tone.estimator import (
    ToneEstimate,
    ToneEstimator,
    estimate_of_probabilities,
    no_estimate,
)
from keras_derm.skin_tone.individual_typology_angle import IndividualTypologyAngle
from keras_derm.skin_tone.thresholds import UNDETERMINED

ITA = "ita"
"""Scale of the estimates by angle, in degrees."""

LEAST_PHOTOGRAPHS = 30


@dataclass(frozen=True)
class ItaEstimator(ToneEstimator):
    """ITA by one of the rules, and the type that a table makes of it.

    On a clinical photograph it says something of the person; on dermoscopy it is the
    colour of the photograph (docs/skin_tone.md).

    Args:
        rule: "quadrant" or "published", see `IndividualTypologyAngle`.
        thresholds: Name of the table of types.

    Example:
        >>> ItaEstimator.by_rule("published").estimate(Photograph(image)).label
        'VI'
    """

    angle: IndividualTypologyAngle = field(default_factory=IndividualTypologyAngle)

    @classmethod
    def by_rule(cls, rule="quadrant", thresholds="del_bino"):
        name = "published ITA" if rule == "published" else "ITA"
        return cls(name, ITA, angle=IndividualTypologyAngle(rule, thresholds))

    def look_at(self, photograph):
        found = self.angle.measure_view(photograph.view)
        angles = (found["ita"], found["ita_low"], found["ita_high"])
        if found["ita_type"] == UNDETERMINED:
            return ToneEstimate(*angles, None, None, found["ita_reason"])
        label = found["ita_type"]
        return ToneEstimate(*angles, label, SKIN_TONE_SCALES["fitzpatrick"][label])


@dataclass(frozen=True)
class ItaCalibration:
    """Probabilities of the labels of a scale, given the ITA of the photograph.

    Isotonic distributional regression: for each label the probability of one that is
    darker is a monotone function of the angle, fitted without any other assumption.

    Attributes:
        scale: Name of the scale of the labels.
        angles: Angles at which the probabilities stand, ascending, in degrees.
        darker: For each label but the last, the probability of a darker one at each
            angle, (n_labels - 1, n_angles).
        fitted_on: What it was fitted on, in words.

    Example:
        >>> calibration = ItaCalibration.fit(angles, labels, "milk10k", "our clinic")
        >>> calibration.probabilities(35.0)
        array([0.05, 0.21, 0.62, 0.1 , 0.02, 0.  ])

    Reference:
        Henzi, Ziegel, Gneiting (2021), Isotonic distributional regression, JRSS B 83.
    """

    scale: str
    angles: tuple
    darker: tuple
    fitted_on: str

    @classmethod
    def fit(cls, angles, labels, scale, fitted_on):
        """Fit it on photographs of one device or archive and type.

        Args:
            angles: ITA of each photograph in degrees; those without one are left out.
            labels: People's labels, of the scale.
            scale: Name of the scale.
            fitted_on: What they are, in words, for the report.

        Raises:
            ValueError: Fewer than 30 photographs have both.
        """
        angles, labels = np.asarray(angles, "float64"), np.asarray(labels, object)
        known = np.isfinite(angles) & np.array([label == label for label in labels])
        if known.sum() < LEAST_PHOTOGRAPHS:
            raise ValueError(
                f"a calibration needs {LEAST_PHOTOGRAPHS} photographs with a label and "
                f"an angle. Received: {known.sum()}"
            )
        angles, ranks = angles[known], np.array(darkness(labels[known], scale))
        places = np.unique(angles)
        darker = []
        for rank in range(len(SKIN_TONE_SCALES[scale]) - 1):
            regression = IsotonicRegression(increasing=False, y_min=0, y_max=1)
            regression.fit(angles, (ranks > rank).astype(float))
            darker.append(tuple(regression.predict(places).tolist()))
        return cls(scale, tuple(places.tolist()), tuple(darker), fitted_on)

    def probabilities(self, angle):
        """Probability of each label at an angle in degrees, the lightest first."""
        above = [np.interp(angle, self.angles, one) for one in self.darker]
        return -np.diff([1.0, *above, 0.0])

    def save(self, path):
        """Write as JSON."""
        write_json(path, vars(self))

    @classmethod
    def load(cls, path):
        """Read what `save` wrote."""
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        content |= {name: tuple(content[name]) for name in ("angles", "darker")}
        return cls(**content)


@dataclass(frozen=True)
class CalibratedIta(ToneEstimator):
    """ITA, read by what labels of people say of photographs of the same kind.

    Example:
        >>> CalibratedIta.by(calibration, ("clinical: close-up",)).estimate(photograph)
    """

    calibration: ItaCalibration | None = None
    angle: IndividualTypologyAngle = field(default_factory=IndividualTypologyAngle)

    @classmethod
    def by(cls, calibration, image_types=()):
        """The estimator of an `ItaCalibration`, for photographs of these types."""
        return cls("calibrated ITA", calibration.scale, image_types, calibration)

    def look_at(self, photograph):
        found = self.angle.measure_view(photograph.view)
        if found["ita_type"] == UNDETERMINED:
            return no_estimate(found["ita_reason"])
        probabilities = self.calibration.probabilities(found["ita"])
        return estimate_of_probabilities(probabilities, self.scale)


def cross_calibrated(angles, labels, scale, groups, n_folds=5, seed=0):
    """Calibrated ITA of photographs, each by a calibration that did not see its group.

    Args:
        angles: ITA of each photograph in degrees, (n,), NaN where undetermined.
        labels: People's labels, (n,), of the scale.
        scale: Name of the scale.
        groups: (n,), lesion or patient.
        n_folds, seed: Number of parts of the groups, and seed of their draw.

    Returns:
        List of `ToneEstimate`.

    Raises:
        ValueError: There are too few photographs for a calibration.
    """
    angles, labels = np.asarray(angles, "float64"), np.asarray(labels, object)
    names, index = np.unique(
        np.asarray(groups, object).astype(str), return_inverse=True
    )
    fold = np.random.default_rng(seed).permutation(len(names)) % n_folds
    found = [no_estimate("no ITA")] * len(angles)
    for number in range(n_folds):
        held_out = fold[index] == number
        calibration = ItaCalibration.fit(
            angles[~held_out], labels[~held_out], scale, "the other folds"
        )
        for row in np.flatnonzero(held_out & np.isfinite(angles)):
            probabilities = calibration.probabilities(angles[row])
            found[row] = estimate_of_probabilities(probabilities, scale)
    return found
