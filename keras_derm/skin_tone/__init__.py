"""Apparent skin tone (ITA): measured, with its doubt, and counted."""

from keras_derm.skin_tone.audit import (
    audit_table,
    describe_agreement,
    label_agreement,
    rule_disagreement,
)
from keras_derm.skin_tone.cast_sensitivity import cast_sensitivity
from keras_derm.skin_tone.individual_typology_angle import (
    RULES,
    IndividualTypologyAngle,
)
from keras_derm.skin_tone.measure import measure, measure_by_rules
from keras_derm.skin_tone.thresholds import THRESHOLDS, degrees_outside, tone_of_angle

__all__ = [
    "RULES",
    "THRESHOLDS",
    "IndividualTypologyAngle",
    "audit_table",
    "cast_sensitivity",
    "degrees_outside",
    "describe_agreement",
    "label_agreement",
    "measure",
    "measure_by_rules",
    "rule_disagreement",
    "tone_of_angle",
]
