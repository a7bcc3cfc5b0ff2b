"""Members of an ensemble: where each is trained, and with which seed."""

import importlib
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from keras_derm.jobs import Member
from keras_derm.runs import RunDirectory

JOB = importlib.import_module("keras_derm.jobs.train_classifier")


def test_members_of_one_network_are_numbered_whatever_else_differs(
    tmp_path, monkeypatch
):
    """Else the second would find the first one's folder and take it for its own."""
    prepared = SimpleNamespace(ids=np.array(["a", "b"]))
    examples = prepared, np.arange(2), np.arange(2), 2
    monkeypatch.setattr(JOB, "training_set", lambda *args: (None, examples))
    numbers = []
    monkeypatch.setattr(JOB, "train_member", lambda *args: numbers.append(args[3]))
    members = [
        Member("MobileNetV2", image_size=224, epochs=2),
        Member("VGG16"),
        Member("MobileNetV2", epochs=9),  # 224 pixels by default
        Member("MobileNetV2", image_size=96),
        Member("MobileNetV2", image_size=224, learning_rate=1.0),
    ]
    settings = {"members": [JOB._recorded(member) for member in members]}
    run = RunDirectory(tmp_path)
    JOB._train_members(run, "baseline", "nothing", settings, None)
    assert numbers == [0, 0, 1, 0, 2]


def test_training_killed_while_it_predicts_is_not_done_again(
    evaluated_run, tmp_path, monkeypatch
):
    run = shutil.copytree(evaluated_run, tmp_path / "run")
    members = [Member("CustomCNN", image_size=32, epochs=1)]
    predict = JOB._predict

    def killed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(JOB, "_predict", killed)
    with pytest.raises(KeyboardInterrupt):
        JOB.train_classifier(str(run), "own", members)
    trained = run / "arms/own/customcnn_32/model.keras"
    before = trained.stat().st_mtime_ns
    monkeypatch.setattr(JOB, "_predict", predict)
    JOB.train_classifier(str(run), "own", members)
    assert trained.stat().st_mtime_ns == before
    assert not list((run / "arms").rglob("*state.keras"))
    assert (run / "arms/own/predictions/ensemble_test.csv").is_file()
