"""Members of an ensemble: where each is trained, and with which seed."""

import importlib
from types import SimpleNamespace

import numpy as np

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
