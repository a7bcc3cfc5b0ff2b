"""Skin tone: people's labels, estimators, and the colour of photographs (ITA)."""

from keras_derm.skin_tone.audit import (
    colour_table,
    rule_disagreement,
    tone_table,
)
from keras_derm.skin_tone.calibration import ToneCalibration
from keras_derm.skin_tone.cast_sensitivity import cast_sensitivity
from keras_derm.skin_tone.estimator import (
    LEAST_GROUP_PROBABILITY,
    ToneEstimate,
    ToneEstimator,
    estimate_of_probabilities,
)
from keras_derm.skin_tone.individual_typology_angle import (
    RULES,
    IndividualTypologyAngle,
)
from keras_derm.skin_tone.ita_estimators import (
    CalibratedIta,
    ItaEstimator,
    cross_calibrated,
)
from keras_derm.skin_tone.lesion_masked import LesionMasked, without_lesion
from keras_derm.skin_tone.measure import (
    as_estimates,
    estimate,
    measure,
    measure_by_rules,
)
from keras_derm.skin_tone.people import (
    chosen_estimates,
    clinical_photographs,
    colours_of_twins,
    of_clinical_twin,
    tone_of_people,
)
from keras_derm.skin_tone.photographs import Photograph, look_at_each
from keras_derm.skin_tone.thresholds import THRESHOLDS, tone_of_angle
from keras_derm.skin_tone.tone_network import (
    ToneNetwork,
    load_estimator,
    shipped_networks,
)

__all__ = [
    "LEAST_GROUP_PROBABILITY",
    "RULES",
    "THRESHOLDS",
    "CalibratedIta",
    "IndividualTypologyAngle",
    "ItaEstimator",
    "LesionMasked",
    "Photograph",
    "ToneCalibration",
    "ToneEstimate",
    "ToneEstimator",
    "ToneNetwork",
    "as_estimates",
    "cast_sensitivity",
    "chosen_estimates",
    "clinical_photographs",
    "colour_table",
    "colours_of_twins",
    "cross_calibrated",
    "estimate",
    "estimate_of_probabilities",
    "load_estimator",
    "look_at_each",
    "measure",
    "measure_by_rules",
    "of_clinical_twin",
    "rule_disagreement",
    "shipped_networks",
    "tone_of_angle",
    "tone_of_people",
    "tone_table",
    "without_lesion",
]
