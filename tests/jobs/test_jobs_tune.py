"""The search, with a stand-in for the training whose best settings are known."""

import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from keras_derm import jobs
from keras_derm.files import write_json
from keras_derm.jobs.options import stage_parser
from keras_derm.runs import RunDirectory
from keras_derm.runs.records import Record
from keras_derm.settings import (
    AuditSkinToneSettings,
    MemberSettings,
    PrepareDatasetSettings,
    Recipe,
    TrainClassifierSettings,
    TuneSettings,
)
from keras_derm.training import UnreadableData

pytest.importorskip("keras_tuner")
from keras_derm.jobs import tune, tuner

MEMBER = MemberSettings("CustomCNN", image_size=32, epochs=2)

WORKER = """
import sys
import keras_derm.jobs.tuner as tuner
from test_jobs_tune import MEMBER, stand_in
from keras_derm import jobs

tuner.arm_examples = lambda *args: None
tuner.train_member = stand_in
jobs.run_stage("tune", sys.argv[1], member=MEMBER, n_trials=4)
"""


def stand_in(member, settings, examples, folder):
    """Write the history of a training that is best at a learning rate of 0.001."""
    score = 1 - abs(np.log10(member.learning_rate) + 3) / 10
    (folder / "model").mkdir(parents=True, exist_ok=True)
    history = pd.DataFrame({"epoch": [0, 1], "val_auc": [score / 2, score]})
    history.to_csv(folder / "model/history.csv", index=False)
    return SimpleNamespace(name="model")


@pytest.fixture
def run(tmp_path):
    """A run whose preparation is on record."""
    run = RunDirectory(tmp_path / "run")
    for settings in (
        AuditSkinToneSettings("phantom:n=9"),
        PrepareDatasetSettings(image_size=32),
    ):
        Record(settings).write(run.record(settings.stage), 0.0)
    return run


@pytest.fixture
def train(monkeypatch):
    monkeypatch.setattr(tuner, "arm_examples", lambda *args: None)
    monkeypatch.setattr(tuner, "train_member", stand_in)
    return lambda function: monkeypatch.setattr(tuner, "train_member", function)


@pytest.mark.parametrize("search", ["random", "bayesian"])
def test_recipe_has_the_settings_of_the_best_trial(run, train, search):
    jobs.run_stage(
        "tune", run.path, member=MEMBER, n_trials=5, search=search, task="melanoma"
    )
    trials = pd.read_csv(run / "tuning/trials.csv")
    assert len(trials) == 5
    expected = 1 - (np.log10(trials["learning_rate"]) + 3).abs() / 10
    np.testing.assert_allclose(trials["val_auc"], expected, rtol=1e-6)
    best = trials.loc[trials["val_auc"].idxmax()]
    recipe = Recipe.load(str(run / "tuning/recipe.yaml"), "published")
    for classifier in recipe.arms().values():
        assert classifier.task == "melanoma"
    assert recipe.settings("audit_skin_tone").data == "phantom:n=9"
    assert recipe.settings("prepare_dataset").image_size == 32
    (member,) = classifier.members
    assert member.learning_rate == pytest.approx(best["learning_rate"])
    searched = "weight_decay", "dropout", "batch_size", "preset"
    for name in (*searched, "augmentation_strength"):
        assert getattr(classifier, name) == pytest.approx(best[name])
    parser, _ = stage_parser(TrainClassifierSettings, [])
    parser.exit_on_error = False
    said = recipe.stages["train_classifier"]
    parser.parse_object({"run": "x", **said})


def test_trials_and_recipe_have_what_the_recipe_says_of_the_network(run, train):
    seen = []

    def noted(member, settings, examples, folder):
        seen.append(settings)
        return stand_in(member, settings, examples, folder)

    train(noted)
    jobs.run_stage(
        "tune",
        run.path,
        member=replace(MEMBER, epochs=4),
        n_trials=2,
        recipe="lora_diffusion",
        imbalance="focal",
    )
    recipe = Recipe.load(str(run / "tuning/recipe.yaml"), "published")
    best = recipe.settings("train_classifier")
    assert len(seen) == 2
    for settings in (*seen, best):
        assert (settings.hidden_units, settings.seed) == (512, 42)
        assert (settings.task, settings.imbalance) == ("melanocytic", "focal")
        optimization = settings.optimization
        assert (optimization.head_epochs, optimization.optimizer) == (3, "adam")
    assert best.precision == "float32"


def test_the_same_search_tries_the_same(run, train, tmp_path):
    jobs.run_stage("tune", run.path, member=MEMBER, n_trials=2)
    shutil.copytree(run.path, tmp_path / "again")
    again = RunDirectory(tmp_path / "again")
    shutil.rmtree(again / "tuning")
    (again / "stages/tune.json").unlink()
    jobs.run_stage("tune", again.path, member=MEMBER, n_trials=2)
    first, second = (pd.read_csv(each / "tuning/trials.csv") for each in (run, again))
    pd.testing.assert_frame_equal(first, second)


def test_search_begun_alone_goes_on_under_another_name(run, train, monkeypatch):
    """A chief, or a tuner of another name, must not begin the numbers anew."""
    jobs.run_stage("tune", run.path, member=MEMBER, n_trials=2)
    first = pd.read_csv(run / "tuning/trials.csv").set_index("trial")
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "tuner7")
    jobs.run_stage("tune", run.path, member=MEMBER, n_trials=4)
    later = pd.read_csv(run / "tuning/trials.csv").set_index("trial")
    assert len(later) == 4
    pd.testing.assert_frame_equal(later.loc[first.index], first)


def test_training_of_other_values_in_a_trials_folder_is_not_gone_on_with(run, train):
    def as_found(member, settings, examples, folder):
        assert not (folder / "model/history.csv").is_file()
        return stand_in(member, settings, examples, folder)

    def stopped(*args):
        stand_in(*args)
        raise KeyboardInterrupt

    train(stopped)
    with pytest.raises(KeyboardInterrupt):
        jobs.run_stage("tune", run.path, member=MEMBER, n_trials=2)
    (values,) = run.path.glob("tuning/trial_*/values.json")
    write_json(values, json.loads(values.read_text()) | {"learning_rate": 0.5})
    train(as_found)
    jobs.run_stage("tune", run.path, member=MEMBER, n_trials=2)
    assert len(pd.read_csv(run / "tuning/trials.csv")) == 2


def test_full_disk_leaves_the_state_of_the_search_whole(run, train, monkeypatch):
    jobs.run_stage("tune", run.path, member=MEMBER, n_trials=2)
    written = (run / "tuning/search/oracle.json").read_text()

    def full_disk(path, content):
        raise OSError("No space left on device")

    monkeypatch.setattr(tuner, "write_json", full_disk)
    with pytest.raises(OSError, match="No space left"):
        jobs.run_stage("tune", run.path, member=MEMBER, n_trials=3)
    monkeypatch.undo()
    assert (run / "tuning/search/oracle.json").read_text() == written


@pytest.mark.parametrize(
    "error, message",
    [
        (RuntimeError("the training diverged"), "none of 2 trials could be computed"),
        (UnreadableData("a shard is damaged"), "a shard is damaged"),
    ],
)
def test_search_without_a_trial_writes_no_recipe(run, train, error, message):
    def fails(*args):
        raise error

    train(fails)
    with pytest.raises(RuntimeError, match=message):
        jobs.run_stage("tune", run.path, member=MEMBER, n_trials=2)
    assert not run.done("tune") and not (run / "tuning/recipe.yaml").is_file()


@pytest.mark.parametrize(
    "mistyped",
    [{"preset": ("keras_drm",)}, {"recipe": "sn_gan"}, {"seed": 3}],
)
def test_finished_search_outlives_a_mistyped_option(run, train, mistyped):
    jobs.run_stage("tune", run.path, member=MEMBER, n_trials=2)
    recipe = (run / "tuning/recipe.yaml").read_text()

    def stopped(*args):
        raise KeyboardInterrupt

    train(stopped)
    with pytest.raises((ValueError, KeyboardInterrupt)):
        jobs.run_stage("tune", run.path, member=MEMBER, n_trials=2, **mistyped)
    jobs.run_stage("tune", run.path, member=MEMBER, n_trials=2)
    assert (run / "tuning/recipe.yaml").read_text() == recipe


def test_worker_with_other_options_than_its_chief_is_refused(run, monkeypatch):
    monkeypatch.setattr(tune, "WAIT_S", 1)
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "tuner0")
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    with pytest.raises(RuntimeError, match="no chief has begun"):
        jobs.run_stage("tune", run.path, member=MEMBER, n_trials=2)
    of_chief = TuneSettings(member=MEMBER, n_trials=2, task="melanoma")
    with pytest.raises(KeyboardInterrupt), run.stage("tune", of_chief):
        raise KeyboardInterrupt
    with pytest.raises(ValueError, match="Received: task was 'melanoma' and is None"):
        jobs.run_stage("tune", run.path, member=MEMBER, n_trials=2)


@pytest.mark.parametrize("changed", [{"file": "a.keras"}, {"precision": "auto"}])
def test_member_that_cannot_be_tried_is_refused_at_once(run, changed):
    with pytest.raises(ValueError, match="`member`.*Received: "):
        jobs.run_stage("tune", run.path, member=replace(MEMBER, **changed))


@pytest.mark.slow
def test_values_lie_within_what_was_asked_for(run, train):
    jobs.run_stage(
        "tune",
        run.path,
        member=MEMBER,
        n_trials=6,
        learning_rate=(1e-3, 2e-3),
        batch_size=(8,),
        preset=("keras_derm",),
        augmentation_strength=(0.5, 1.5),
    )
    trials = pd.read_csv(run / "tuning/trials.csv")
    assert trials["learning_rate"].between(1e-3, 2e-3).all()
    assert set(trials["batch_size"]) == {8} and set(trials["preset"]) == {"keras_derm"}
    assert trials["dropout"].between(0, 0.5).all()
    assert trials["augmentation_strength"].between(0.5, 1.5).all()


@pytest.mark.parametrize("stopped_in", [1, 3])
def test_a_search_that_was_stopped_goes_on_in_its_trial(run, train, stopped_in):
    begun = []

    def killed(*args):
        begun.append(args[3])
        if len(begun) == stopped_in:
            raise KeyboardInterrupt
        return stand_in(*args)

    train(killed)
    with pytest.raises(KeyboardInterrupt):
        jobs.run_stage("tune", run.path, member=MEMBER, n_trials=4)
    jobs.run_stage("tune", run.path, member=MEMBER, n_trials=4)
    assert len(set(begun)) == 4 and len(begun) == 5
    assert begun[stopped_in] == begun[stopped_in - 1]
    jobs.run_stage("tune", run.path, member=MEMBER, n_trials=6)
    assert len(begun) == 7 and len(pd.read_csv(run / "tuning/trials.csv")) == 6


def test_a_full_disk_ends_the_search_and_a_failed_step_does_not(run, train):
    def out_of_memory(member, settings, examples, folder):
        if folder.name.endswith("0"):
            raise RuntimeError("OOM when allocating tensor")
        return stand_in(member, settings, examples, folder)

    train(out_of_memory)
    jobs.run_stage("tune", run.path, member=MEMBER, n_trials=3)
    assert pd.read_csv(run / "tuning/trials.csv")["val_auc"].notna().sum() == 2

    def full_disk(*args):
        raise OSError("No space left on device")

    train(full_disk)
    with pytest.raises(RuntimeError, match="No space left on device"):
        jobs.run_stage("tune", run.path, member=MEMBER, n_trials=5)


@pytest.mark.slow
def test_workers_share_a_search(run):
    """A chief and two workers in processes of their own, over loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    processes = []
    for name in ("chief", "tuner0", "tuner1"):
        environment = os.environ | {
            "KERASTUNER_TUNER_ID": name,
            "KERASTUNER_ORACLE_IP": "127.0.0.1",
            "KERASTUNER_ORACLE_PORT": port,
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        command = [sys.executable, "-c", WORKER, str(run.path)]
        processes.append(subprocess.Popen(command, env=environment))
    try:
        assert [process.wait() for process in processes] == [0, 0, 0]
    finally:
        for process in processes:
            process.kill()
    assert len(pd.read_csv(run / "tuning/trials.csv")) == 4
