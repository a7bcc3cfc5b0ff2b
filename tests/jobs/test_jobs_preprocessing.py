"""Where image layers compute: asked for, measured where there is a GPU, kept."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from keras_derm import jobs
from keras_derm.classifiers import members, preprocessing_speeds
from keras_derm.files import DamagedFileError
from keras_derm.jobs import preprocessing
from keras_derm.jobs.preprocessing import measured_place, preparation_speeds
from keras_derm.jobs.train_classifier import arm_examples
from keras_derm.layers import resize
from keras_derm.pipeline import PreparedImages
from keras_derm.runs import RunDirectory
from keras_derm.settings import MemberSettings, TrainClassifierSettings

KNOWN_BY = {"stage": "prepare_dataset", "preset": "melanet", "image_size": 8}


def place(run, asked, speeds, measured):
    def measure():
        measured.append(speeds)
        return speeds

    return measured_place(run, asked, "preparing", KNOWN_BY, measure)


def see_gpus(monkeypatch, gpus):
    config = SimpleNamespace(list_physical_devices=lambda kind: gpus)
    monkeypatch.setattr(preprocessing, "tf", SimpleNamespace(config=config))


def test_without_a_gpu_it_is_the_processor_and_nothing_is_measured(
    tmp_path, monkeypatch
):
    see_gpus(monkeypatch, [])
    measured = []
    assert place(RunDirectory(tmp_path), "auto", {}, measured) == "cpu"
    assert measured == [] and not list(tmp_path.iterdir())


def test_with_a_gpu_it_is_measured_once_and_kept_with_the_run(
    tmp_path, monkeypatch, capsys
):
    see_gpus(monkeypatch, ["a GPU"])
    run, measured = RunDirectory(tmp_path), []
    fast, slow = {"cpu": 10.0, "device": 40.0}, {"cpu": 10.0, "device": 10.5}
    assert place(run, "cpu", fast, measured) == "cpu"
    assert place(run, "device", slow, measured) == "device"
    assert measured == []
    assert place(run, "auto", fast, measured) == "device"
    assert (
        "preparing: cpu 10.0, device 40.0 images/s: device" in capsys.readouterr().out
    )
    assert place(run, "auto", slow, measured) == "device"
    assert measured == [fast]
    (kept,) = json.loads((tmp_path / "preprocessing.json").read_text())
    assert kept["images_per_second"] == fast and kept["preprocess_on"] == "device"
    assert place(RunDirectory(tmp_path / "new"), "auto", slow, []) == "cpu"
    (tmp_path / "preprocessing.json").write_text("7")
    with pytest.raises(DamagedFileError, match="measured anew"):
        place(run, "auto", fast, measured)


@pytest.fixture(scope="module")
def run(audited_run, tmp_path_factory):
    """A run prepared, and a classifier trained, on the processor."""
    folder = shutil.copytree(audited_run, tmp_path_factory.mktemp("places") / "run")
    jobs.run_stage("prepare_dataset", folder, image_size=32)
    train(folder, "there", preprocess_on="device")
    return RunDirectory(folder)


def train(folder, arm, **settings):
    member = MemberSettings("CustomCNN", image_size=16, epochs=1)
    settings |= {"task": "melanoma", "batch_size": 8, "preset": "keras_derm"}
    jobs.run_stage("train_classifier", folder, arm=arm, members=[member], **settings)


def test_prepared_images_are_the_same_wherever_they_are_made(run):
    prepared = PreparedImages.load(run.prepared_real)
    expected = prepared.take(np.arange(len(prepared)))
    written = run.record("prepare_dataset").read_text()
    run.prepared_real.rename(run / "prepared/before")
    jobs.run_stage("prepare_dataset", run.path, image_size=32, preprocess_on="device")
    found = PreparedImages.load(run.prepared_real)
    assert run.record("prepare_dataset").read_text() == written  # nothing else anew
    np.testing.assert_array_equal(found.take(np.arange(len(found))), expected)


def test_training_learns_the_same_wherever_images_are_augmented(run):
    train(run.path, "here", preprocess_on="cpu")
    here, there = (
        np.genfromtxt(run.arm(arm) / "customcnn_16/history.csv", delimiter=",")[1:]
        for arm in ("here", "there")
    )
    np.testing.assert_allclose(here, there, rtol=1e-3)


def test_where_it_is_computed_makes_nothing_anew(run, capsys):
    train(run.path, "there", preprocess_on="cpu")
    assert "[train_classifier.there] already done" in capsys.readouterr().out


def test_speeds_of_training_in_both_places_are_measured(run, monkeypatch):
    monkeypatch.setattr(members, "N_TIMED", 2)
    settings = run.settings(TrainClassifierSettings, "there")
    examples = arm_examples(run, run.arm("there"), settings)
    speeds = preprocessing_speeds(settings.members[0], settings, examples)
    assert list(speeds) == ["cpu", "device"]
    assert all(np.isfinite(speed) and speed > 0 for speed in speeds.values())


def test_speeds_of_both_places_are_measured(run, monkeypatch):
    monkeypatch.setattr(preprocessing, "N_PHOTOGRAPHS", 12)
    speeds = preparation_speeds(run.catalog, resize(8))
    assert list(speeds) == ["cpu", "device"]
    assert all(np.isfinite(speed) and speed > 0 for speed in speeds.values())
