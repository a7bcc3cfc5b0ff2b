"""The names that settings take are those of what the rooms have."""

from typing import get_args, get_type_hints

from keras_derm import classifiers, export, skin_tone
from keras_derm.catalog import DIAGNOSES, IMAGE_TYPES, TASKS
from keras_derm.generative.conditions import CONDITION_TONES
from keras_derm.settings import AuditSkinToneSettings
from keras_derm.settings.kinds import (
    Backbone,
    Diagnosis,
    DiagnosisGroup,
    ImageType,
    Precision,
    QuantizationMode,
    TaskName,
    ToneGroup,
)
from keras_derm.training.precision import PRECISIONS


def test_names_are_those_of_the_rooms():
    assert set(get_args(Backbone)) == set(classifiers.BACKBONES)
    assert set(get_args(Precision)) == {"auto", *PRECISIONS}
    assert set(get_args(QuantizationMode)) == set(export.MODES)
    assert set(get_args(TaskName)) == set(TASKS)
    assert get_args(ImageType) == IMAGE_TYPES
    assert get_args(Diagnosis) == DIAGNOSES
    assert get_args(ToneGroup) == CONDITION_TONES
    groups = [c for task in TASKS.values() for c in task.classes if c not in DIAGNOSES]
    assert set(get_args(DiagnosisGroup)) == set(groups)


def test_rules_of_skin_tone_are_those_that_there_are():
    hints = get_type_hints(AuditSkinToneSettings)
    assert set(get_args(hints["rule"])) == set(skin_tone.RULES)
    assert set(get_args(hints["thresholds"])) == set(skin_tone.THRESHOLDS)
