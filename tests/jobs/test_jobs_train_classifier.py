"""Members of an ensemble: where each is trained, and with which seed."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from keras_derm import jobs
from keras_derm.catalog import get_task
from keras_derm.classifiers import members as members_module
from keras_derm.classifiers import read_member
from keras_derm.classifiers.examples import Examples
from keras_derm.files import write_json
from keras_derm.jobs import train_classifier as job
from keras_derm.pipeline import PreparedImages
from keras_derm.runs import RunDirectory
from keras_derm.runs.records import Record
from keras_derm.settings import (
    MemberSettings,
    OptimizationSettings,
    PrepareDatasetSettings,
    TrainClassifierSettings,
)


def test_members_of_one_network_are_numbered_whatever_else_differs(
    tmp_path, monkeypatch
):
    """Else the second would find the first one's folder and take it for its own."""
    prepared = SimpleNamespace(ids=np.array(["a", "b"]))
    examples = Examples(None, prepared, np.arange(2), np.arange(2), 2, None)
    monkeypatch.setattr(job, "arm_examples", lambda *args: examples)
    numbers = []
    monkeypatch.setattr(job, "train_member", lambda *args: numbers.append(args[4]))
    members = [
        MemberSettings("MobileNetV2", image_size=224, epochs=2),
        MemberSettings("VGG16"),
        MemberSettings("MobileNetV2", epochs=9),  # 224 pixels by default
        MemberSettings("MobileNetV2", image_size=96),
        MemberSettings("MobileNetV2", image_size=224, learning_rate=1.0),
    ]
    run = RunDirectory(tmp_path)
    Record(PrepareDatasetSettings()).write(run.record("prepare_dataset"), 0.0)
    settings = TrainClassifierSettings(members=members)
    job.TrainClassifier(run.path, settings)._train(run.arm("baseline"))
    assert numbers == [0, 0, 1, 0, 2]


def test_training_killed_while_it_predicts_is_not_done_again(
    evaluated_run, tmp_path, monkeypatch
):
    run = shutil.copytree(evaluated_run, tmp_path / "run")
    members = [MemberSettings("CustomCNN", image_size=32, epochs=1)]
    predict = job.predict_arm

    def killed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "predict_arm", killed)
    with pytest.raises(KeyboardInterrupt):
        jobs.run_stage("train_classifier", run, arm="own", members=members)
    trained = run / "arms/own/customcnn_32/model.keras"
    before = trained.stat().st_mtime_ns
    monkeypatch.setattr(job, "predict_arm", predict)
    jobs.run_stage("train_classifier", run, arm="own", members=members)
    assert trained.stat().st_mtime_ns == before
    assert not list((run / "arms").rglob("*state.keras"))
    assert (run / "arms/own/predictions/ensemble_test.csv").is_file()


def test_classifier_outlives_a_mistyped_option(evaluated_run, tmp_path):
    run = shutil.copytree(evaluated_run, tmp_path / "run")
    members = [MemberSettings("CustomCNN", image_size=32, epochs=1)]
    jobs.run_stage("train_classifier", run, arm="own", members=members)
    path = run / "arms/own/ensemble.keras"
    before = path.stat().st_mtime_ns
    for mistyped in ({"preset": "keras_drm"}, {"augmentation_strength": 9}):
        with pytest.raises(ValueError, match="Received"):
            jobs.run_stage(
                "train_classifier", run, arm="own", members=members, **mistyped
            )
    with pytest.raises(ValueError, match="`backbone` must be one of .*Received"):
        jobs.run_stage(
            "train_classifier",
            run,
            arm="own",
            members=[*members, MemberSettings("VGG61")],
        )
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "at_once, expected", [(1, 1), (2, 1), (3, 3), (4, 3), (9, 9), (99, 9)]
)
def test_steps_made_at_once_leave_an_epoch_as_long_as_it_is(
    at_once, expected, monkeypatch
):
    seen = {}
    monkeypatch.setattr(
        members_module,
        "fit",
        lambda *args, **settings: seen.update(settings, optimization=args[-1]),
    )
    model = SimpleNamespace(input_shape=(None, 8, 8, 3), name="tiny")
    monkeypatch.setattr(members_module, "untrained_member", lambda *args: model)
    monkeypatch.setattr(Examples, "validation", lambda *args: None)
    member = MemberSettings("CustomCNN", epochs=2, learning_rate=1e-3)
    settings = TrainClassifierSettings(
        members=[member],
        batch_size=4,
        preset="cwgan_gp",
        weight_decay=0.0,
        optimization=OptimizationSettings(steps_per_execution=at_once),
    )
    images = np.zeros((36, 8, 8, 3), "uint8")
    prepared = PreparedImages([f"i{i}" for i in range(36)], [images])
    task = SimpleNamespace(classes=("a", "b"), positive_class=0)
    examples = Examples(task, prepared, np.arange(36), np.arange(36) % 2, 36, None)
    members_module.train_member(member, settings, examples, "own")
    assert seen["steps_per_epoch"] == 9
    assert seen["optimization"].steps_per_execution == expected


def test_member_that_tells_other_classes_apart_is_refused(tmp_path, monkeypatch):
    model = SimpleNamespace(output_shape=(None, 2))
    monkeypatch.setattr(members_module, "load_classifier", lambda path: model)
    (tmp_path / "vgg16").mkdir()
    facts = {"classes": ["not_melanoma", "melanoma"], "preset": "cwgan_gp"}
    write_json(tmp_path / "ensemble.json", facts)
    for path in (tmp_path / "ensemble.keras", tmp_path / "vgg16/model.keras"):
        assert read_member(path, get_task("melanoma"), "cwgan_gp") is model
        with pytest.raises(ValueError, match="Received: .* with not_melanoma, melan"):
            read_member(path, get_task("melanocytic"), "cwgan_gp")


def test_task_of_one_class_is_refused(evaluated_run, tmp_path):
    run = shutil.copytree(evaluated_run, tmp_path / "run")
    catalog = RunDirectory(run).catalog
    table = catalog.table
    train = table["split"] == "train"
    catalog.with_columns(diagnosis=table["diagnosis"].mask(train, "BCC")).save(
        run / "catalog.csv"
    )
    with pytest.raises(ValueError, match="melanoma tells apart.*not_melanoma$"):
        jobs.run_stage(
            "train_classifier",
            run,
            arm="own",
            members=[MemberSettings("CustomCNN", image_size=32)],
            task="melanoma",
        )
