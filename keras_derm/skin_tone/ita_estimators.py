"""Estimators by the colour of the skin in the photograph."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from keras_derm.catalog import SKIN_TONE_SCALES
from keras_derm.files import write_json
from keras_derm.skin_tone.calibration import ToneCalibration
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
class CalibratedIta(ToneEstimator):
    """ITA, read by what labels of people say of photographs of the same kind.

    Attributes:
        calibration: `ToneCalibration` fitted on minus the angle, which rises as people
            are darker.

    Example:
        >>> CalibratedIta.by(calibration, ("clinical: close-up",)).estimate(photograph)
    """

    calibration: ToneCalibration | None = None
    angle: IndividualTypologyAngle = field(default_factory=IndividualTypologyAngle)

    @classmethod
    def by(cls, calibration, image_types=()):
        """The estimator of an `ToneCalibration`, for photographs of these types."""
        return cls("calibrated ITA", calibration.scale, image_types, calibration)

    @classmethod
    def load(cls, path):
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is no calibration.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            calibration = ToneCalibration.from_dict(content)
            image_types = tuple(content["image_types"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"not a calibration of ITA ({error!r}). Received: {path}"
            ) from None
        return cls.by(calibration, image_types)

    def save(self, path):
        """Write as JSON."""
        content = dataclasses.asdict(self.calibration)
        write_json(path, content | {"image_types": self.image_types})

    @property
    def worth(self):
        return (
            f"fitted on {self.calibration.fitted_on}. How good it is there "
            "stands in the page of its validation, and on other devices is not known."
        )

    def look_at(self, photograph):
        found = self.angle.measure_view(photograph.view)
        if found["ita_type"] == UNDETERMINED:
            return no_estimate(found["ita_reason"])
        probabilities = self.calibration.probabilities(-found["ita"])
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
        # Calibrations go with what rises as people are darker: ITA falls.
        calibration = ToneCalibration.fit(
            -angles[~held_out], labels[~held_out], scale, "the other folds"
        )
        for row in np.flatnonzero(held_out & np.isfinite(angles)):
            probabilities = calibration.probabilities(-angles[row])
            found[row] = estimate_of_probabilities(probabilities, scale)
    return found
