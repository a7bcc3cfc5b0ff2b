"""Settings check themselves, and are written and read."""

import subprocess
import sys

import pytest

from keras_derm.settings import (
    GENERATOR_SETTINGS,
    STAGES,
    AuditSkinToneSettings,
    CycleGANSettings,
    EvaluateSettings,
    ExportTfliteSettings,
    FineTuningSettings,
    MemberSettings,
    OptimizationSettings,
    PrepareDatasetSettings,
    SettingsError,
    SNGANSettings,
    SynthesizeSettings,
    TrainClassifierSettings,
    TrainGeneratorSettings,
    TuneSettings,
)

DATA = {"data": "phantom:n=9"}
OWN = [name for name, kind in STAGES.items() if "keras_derm" in kind.__module__]
NEEDED = {
    "audit_skin_tone": DATA,
    "train_skin_tone": DATA,
    "validate_skin_tone": DATA,
    "compare": DATA | {"predictions": {"a": "a_test.csv"}},
}


def test_no_setting_needs_tensorflow():
    code = "import sys, keras_derm.settings; print('tensorflow' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stdout == "False\n", found.stderr


@pytest.mark.parametrize("stage", OWN)
def test_settings_of_every_stage_survive_writing(stage):
    settings = STAGES[stage].from_dict(NEEDED.get(stage, {}))
    assert STAGES[stage].from_dict(settings.to_dict()) == settings


@pytest.mark.parametrize("name", list(GENERATOR_SETTINGS))
def test_generator_is_written_under_its_name(name):
    settings = TrainGeneratorSettings(name)
    assert list(settings.to_dict()["generator"]) == [name]
    assert TrainGeneratorSettings.from_dict(settings.to_dict()) == settings


def test_where_it_is_computed_decides_nothing():
    here, there = (PrepareDatasetSettings(preprocess_on=one) for one in ("cpu", "auto"))
    assert here == there and here.decisive() == there.decisive()
    assert here.differences(there) == [] and here.to_dict() != there.to_dict()
    assert "preprocess_on" not in here.decisive() and here.decisive()["seed"] == 0
    assert here.differences(PrepareDatasetSettings(seed=1)) == ["seed was 0 and is 1"]


@pytest.mark.parametrize("stage", OWN)
def test_every_setting_is_documented(stage):
    text = STAGES[stage].__doc__
    for name in STAGES[stage].names():
        assert f"        {name}: " in text, name


@pytest.mark.parametrize("name", list(GENERATOR_SETTINGS))
def test_every_setting_of_a_generator_is_documented(name):
    text = GENERATOR_SETTINGS[name].__doc__
    for option in GENERATOR_SETTINGS[name].names():
        assert f"        {option}: " in text, option


@pytest.mark.parametrize(
    "kind, wrong, said",
    [
        (EvaluateSettings, {"n_replicates": -1}, "`n_replicates` must be .* -1"),
        (ExportTfliteSettings, {"seed": -1}, "`seed` must be .*Received: -1"),
        (ExportTfliteSettings, {"mode": "int4"}, "must be one of int8, .*'int4'"),
        (ExportTfliteSettings, {"margin": float("nan")}, "`margin` must be"),
        (SynthesizeSettings, {"target_per_diagnosis": -3}, "Received: -3"),
        (
            SynthesizeSettings,
            {"cells": [{"diagnosis": "MEL"}]},
            "one of `count`, `share` and `for_each`.*none of them for MEL",
        ),
        (
            SynthesizeSettings,
            {"cells": [{"diagnosis": "MEL", "count": 3, "share": 0.5}]},
            r"\{'count': 3, 'share': 0.5\}",
        ),
        (
            SynthesizeSettings,
            {"cells": [{"diagnosis": "MELL", "count": 3}]},
            "`diagnosis` must be one of MEL, .*melanocytic.*'MELL'",
        ),
        (SynthesizeSettings, {"cells": [{"tone": "dark"}]}, r"cells are \[.*'tone'"),
        (
            SynthesizeSettings,
            {"cells": [{"diagnosis": "benign", "for_each": "benign"}]},
            "needs the one `diagnosis`",
        ),
        (
            SynthesizeSettings,
            {"cells": [{"count": 3}], "target_per_diagnosis": 5},
            "say `cells` or `target_per_diagnosis`, not both",
        ),
        (SynthesizeSettings, {"cells": []}, "`cells` must name a cell or more"),
        (TrainClassifierSettings, {"batch_size": "16x"}, "`batch_size`.*'16x'"),
        (TrainClassifierSettings, {"batch_size": True}, "`batch_size`.*True"),
        (TrainClassifierSettings, {"members": 5}, "`members` must be .*: 5"),
        (TrainClassifierSettings, {"members": []}, "`members`"),
        (
            TrainClassifierSettings,
            {"members": [{"backbon": "VGG16"}]},
            r"members are \['backbone'.*Received: \['backbon'\]",
        ),
        (
            TrainClassifierSettings,
            {"members": [{"backbone": "VGG61"}]},
            "`backbone` must be one of ResNet50, .*'VGG61'",
        ),
        (TrainClassifierSettings, {"preset": "keras_drm"}, "`preset` must be one of"),
        (TrainClassifierSettings, {"augmentation_strength": 9}, "Received: 9"),
        (TrainClassifierSettings, {"precision": "half"}, "`precision` must be one of"),
        (TrainClassifierSettings, {"arm": "../elsewhere"}, "plain name"),
        (TrainClassifierSettings, {"arm": "chosen"}, "plain name"),
        (TrainClassifierSettings, {"adds": "synthetic"}, "the arm baseline adds"),
        (TrainClassifierSettings, {"ensemble_weights": (2, 1)}, "of the 3 members"),
        (TrainClassifierSettings, {"ensemble_weights": (2, 1, -1)}, "none below 0"),
        (TrainClassifierSettings, {"ensemble_weights": (0, 0, 0)}, "and one above"),
        (TrainClassifierSettings, {"ensemble_weights": "best"}, "`ensemble_weights`"),
        (TrainClassifierSettings, {"n_workers": 2}, "need a Ray cluster .*n_workers=2"),
        (TrainGeneratorSettings, {"cluster": "local"}, "n_workers=1, cluster='local'"),
        (OptimizationSettings, {"plateau_factor": 1.0}, "`plateau_factor` must"),
        (PrepareDatasetSettings, {"fractions": (0.5, 0.2, 0.2)}, "with sum 1"),
        (PrepareDatasetSettings, {"images_per_shard": 0}, "Received: 0"),
        (TrainGeneratorSettings, {"generator": "gan"}, "must be one of sngan"),
        (
            TrainGeneratorSettings,
            {"generator": {"cyclegan": {"latent_dim": 8}}},
            r"cyclegan are .*Received: \['latent_dim'\]",
        ),
        (
            TrainGeneratorSettings,
            {"generator": {"sngan": {"conditional": False}}},
            "the one diagnosis .* name it, such as diagnoses",
        ),
        (
            TrainGeneratorSettings,
            {"n_steps": 100, "gradient_accumulation": 3},
            "divide `n_steps`",
        ),
        (TrainGeneratorSettings, {"precision": "auto"}, "of sngan must be float32 or"),
        (TuneSettings, {"learning_rate": (1.0, 0.1)}, "least value first"),
        (
            ExportTfliteSettings,
            {"mode": "float16", "fine_tuning": FineTuningSettings("qat")},
            "qat gives int8",
        ),
    ],
)
def test_what_cannot_be_is_refused(kind, wrong, said):
    with pytest.raises(SettingsError, match=said) as caught:
        kind(**wrong)
    assert "Received: " in str(caught.value)


def test_diagnoses_are_filled_up_to_a_thousand_where_no_cell_is_asked_for():
    assert SynthesizeSettings().target_per_diagnosis == 1000
    asked = SynthesizeSettings(cells=[{"diagnosis": "MEL", "count": 7}])
    assert asked.target_per_diagnosis is None
    for settings in (SynthesizeSettings(), asked):
        assert SynthesizeSettings.from_dict(settings.to_dict()) == settings


def test_all_faults_are_told_at_once():
    with pytest.raises(SettingsError) as caught:
        TrainClassifierSettings.from_dict({"batch_size": 0, "dropout": 2, "seed": "x"})
    assert all(name in str(caught.value) for name in ("batch_size", "dropout", "seed"))


def test_what_has_no_default_is_asked_for():
    with pytest.raises(SettingsError, match="audit_skin_tone needs data"):
        AuditSkinToneSettings.from_dict({})


def test_differences_are_said_in_words():
    first = TrainClassifierSettings(members=[MemberSettings("VGG16")])
    second = TrainClassifierSettings(members=[MemberSettings("VGG16")], seed=1)
    assert first.differences(second) == ["seed was 0 and is 1"]


def test_generator_is_chosen_by_name_or_with_settings():
    assert TrainGeneratorSettings("cyclegan").generator == CycleGANSettings()
    chosen = TrainGeneratorSettings({"sngan": {"dropout": 0.5}}).generator
    assert chosen == SNGANSettings(dropout=0.5)
