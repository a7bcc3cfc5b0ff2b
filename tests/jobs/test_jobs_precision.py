"""Precision of a run: measured once, on record, the same when the run is repeated."""

import json

import pandas as pd
import pytest

from keras_derm import jobs
from keras_derm.catalog import Catalog
from keras_derm.jobs import precisions
from keras_derm.jobs import train_classifier as job
from keras_derm.runs import RunDirectory
from keras_derm.runs.records import Record
from keras_derm.settings import (
    MemberSettings,
    PrepareDatasetSettings,
    Recipe,
    SynthesizeSettings,
    TrainClassifierSettings,
)

MEMBERS = [
    MemberSettings("VGG16", image_size=32),
    MemberSettings("MobileNetV2", image_size=32),
    MemberSettings("CustomCNN", image_size=32, precision="mixed_float16"),
]
SPEEDS = {
    "vgg16_32": {"float32": 12.0, "mixed_bfloat16": 57.0},
    "mobilenetv2_32": {"float32": 100.0, "mixed_bfloat16": 92.0},
}


def prepared(path):
    """A run whose preparation is on record, of a melanoma and a nevus."""
    run = RunDirectory(path)
    for name in "ab":
        (run / f"{name}.jpg").write_bytes(b"")
    table = pd.DataFrame(
        {"isic_id": ["a", "b"], "path": ["a.jpg", "b.jpg"], "diagnosis": ["MEL", "NV"]}
    )
    Catalog(table.assign(split="train"), root=run.path).save(run.catalog_file)
    for settings in (PrepareDatasetSettings(), SynthesizeSettings()):
        Record(settings).write(run.record(settings.stage), 0.0)
    return run


@pytest.fixture
def measured(monkeypatch):
    """Names of the networks that were measured, by a clock whose times are known."""
    names = []

    def measure(build, batch_size, some, with_xla):
        assert some is None and with_xla
        names.append(build().name)
        return SPEEDS[names[-1]]

    monkeypatch.setattr(precisions, "measure_precisions", measure)
    monkeypatch.setattr(job.TrainClassifier, "make", lambda self: None)
    return names


def chosen(run, arm="baseline"):
    members = run.settings(TrainClassifierSettings, arm).members
    return [member.precision or "float32" for member in members]


def test_measured_precision_is_kept_for_every_arm_and_every_repetition(
    tmp_path, measured, capsys
):
    run = prepared(tmp_path / "first")
    expected = ["mixed_bfloat16", "float32", "mixed_float16"]
    for arm in ("baseline", "augmented"):
        jobs.run_stage(
            "train_classifier", run.path, arm=arm, members=MEMBERS, precision="auto"
        )
        assert chosen(run, arm) == expected
    assert measured == list(SPEEDS)  # by the baseline, once
    out = capsys.readouterr().out
    assert "VGG16: float32 12.0, mixed_bfloat16 57.0 images/s: mixed_bfloat16" in out
    kept = json.loads((run / "precision.json").read_text())
    assert [found["images_per_second"] for found in kept] == list(SPEEDS.values())
    jobs.run_stage(
        "train_classifier", run.path, arm="baseline", members=MEMBERS, precision="auto"
    )
    assert "[train_classifier.baseline] already done" in capsys.readouterr().out
    settings = Recipe.load(str(run / "config.yaml"), "published").arms()["baseline"]
    again = prepared(tmp_path / "again")
    jobs.run_stage("train_classifier", again.path, settings)
    assert chosen(again) == expected
    assert measured == list(SPEEDS)


def test_float32_is_the_default_and_leaves_the_settings_as_they_were(
    tmp_path, measured
):
    run = prepared(tmp_path)
    jobs.run_stage("train_classifier", tmp_path, members=MEMBERS[:2])
    settings = run.settings(TrainClassifierSettings, "baseline")
    assert measured == [] and settings.precision == "float32"
    assert settings == TrainClassifierSettings(members=MEMBERS[:2])
    assert all(member.precision is None for member in settings.members)
    assert not (run / "precision.json").exists()


def test_precision_of_another_network_is_measured_anew(tmp_path, measured):
    run = prepared(tmp_path)
    for batch_size in (16, 32):
        jobs.run_stage(
            "train_classifier",
            tmp_path,
            arm="x",
            members=MEMBERS[:1],
            precision="auto",
            batch_size=batch_size,
        )
    assert measured == ["vgg16_32"] * 2
    assert len(json.loads((run / "precision.json").read_text())) == 2


def test_unknown_precision_and_several_workers_are_refused(
    tmp_path, measured, monkeypatch
):
    prepared(tmp_path)
    with pytest.raises(ValueError, match="auto, float32.*Received: 'float64'"):
        jobs.run_stage(
            "train_classifier", tmp_path, members=MEMBERS, precision="float64"
        )
    monkeypatch.setenv("TF_CONFIG", "{}")
    with pytest.raises(ValueError, match="name a precision.*TF_CONFIG"):
        jobs.run_stage("train_classifier", tmp_path, members=MEMBERS, precision="auto")
    assert measured == []
