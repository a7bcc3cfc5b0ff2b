"""The names that settings take are those of what the rooms have."""

from typing import get_args, get_type_hints

from keras_derm import classifiers, export, layers, skin_tone, training
from keras_derm.catalog import TASKS
from keras_derm.settings import AuditSkinToneSettings
from keras_derm.settings.kinds import (
    Backbone,
    Imbalance,
    Precision,
    Preset,
    QuantizationMode,
    TaskName,
)


def test_names_are_those_of_the_rooms():
    assert set(get_args(Backbone)) == set(classifiers.BACKBONES)
    assert set(get_args(Imbalance)) == set(classifiers.IMBALANCE)
    assert set(get_args(Precision)) == {"auto", *training.PRECISIONS}
    assert set(get_args(Preset)) == set(layers.PRESETS)
    assert set(get_args(QuantizationMode)) == set(export.MODES)
    assert set(get_args(TaskName)) == set(TASKS)


def test_rules_of_skin_tone_are_those_that_there_are():
    hints = get_type_hints(AuditSkinToneSettings)
    assert set(get_args(hints["rule"])) == set(skin_tone.RULES)
    assert set(get_args(hints["thresholds"])) == set(skin_tone.THRESHOLDS)
