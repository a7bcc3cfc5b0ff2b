"""What the export leaves behind, and what it does not when it costs too much."""

import importlib.util
import json
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
import yaml

from keras_derm import jobs
from keras_derm.catalog import Catalog, get_task
from keras_derm.classifiers import (
    build_ensemble,
    class_weights,
    ensemble_members,
    load_classifier,
)
from keras_derm.export import (
    ExportRefused,
    QuantizedEnsemble,
    export_tflite,
)
from keras_derm.jobs.command_line import command_line
from keras_derm.jobs.report import report
from keras_derm.jobs.run_recipe import run_recipe
from keras_derm.pipeline import PreparedImages
from keras_derm.runs import RunDirectory
from keras_derm.settings import (
    FineTuningSettings,
    MemberSettings,
    TrainClassifierSettings,
)


@pytest.fixture(scope="module")
def run(evaluated_run, tmp_path_factory):
    """The evaluated run with a folder exported, its second member in another mode."""
    run = tmp_path_factory.mktemp("exported") / "run"
    shutil.copytree(evaluated_run, run)
    modes = {"second": "float16"}
    jobs.run_stage(
        "export_tflite", run, mode="dynamic", member_modes=modes, gate="none"
    )
    return run


@pytest.fixture(scope="module")
def cost(run):
    return json.loads((run / "export/cost.json").read_text())


@pytest.fixture
def ruined(evaluated_run, tmp_path, monkeypatch):
    """A copy of the run whose float model knew the truth, as no export of it does."""
    copy = shutil.copytree(evaluated_run, tmp_path / "run")
    catalog = Catalog.load(copy / "catalog.csv").split("test")
    diagnosis = catalog.table.set_index("isic_id")["diagnosis"]
    for path in copy.glob("predictions/*_ensemble_test.csv"):
        predicted = pd.read_csv(path, index_col="isic_id")
        predicted[:] = 0.1 / (predicted.shape[1] - 1)
        for isic_id in predicted.index:
            predicted.loc[isic_id, diagnosis[isic_id]] = 0.9
        predicted.to_csv(path)
    # A process of its own that loads TensorFlow: seconds each time.
    monkeypatch.setattr("keras_derm.export.memory.peak_memory", lambda path: None)
    return copy


def test_what_is_left_behind(run, cost):
    assert {path.name for path in (run / "export").iterdir()} == {
        "cost.json",
        "ensemble_dynamic",
        "ensemble_dynamic.keras",
        "model_card.md",
    }
    ensemble = QuantizedEnsemble(run / "export/ensemble_dynamic")
    assert [one.mode for one in ensemble.members] == ["dynamic", "float16"]
    assert (cost["form"], cost["mode"]) == ("folder", "mixed")
    known = json.loads((run / "arms/baseline/ensemble.json").read_text())
    assert ensemble.description["photographs"] == known["photographs"]
    assert ensemble.description["photograph_colour"]["rule"] == "quadrant"


def test_sets_are_calibrated_on_what_the_quantised_model_says(run):
    from keras_derm.evaluation import ConformalSets

    catalog = Catalog.load(run / "catalog.csv")
    task = get_task("diagnosis8").present_in(catalog.split("train"))
    val = catalog.where(task.covers(catalog)).split("val")
    ensemble = QuantizedEnsemble(run / "export/ensemble_dynamic")
    prepared = PreparedImages.load(run / "prepared/real")
    y_prob = ensemble.predict(prepared.take(prepared.indices(val)))
    sets = ConformalSets(**ensemble.description["conformal"])
    truth = task.targets(val)
    member = sets.predict(y_prob, ["all"] * len(val))
    # By the rule of the thresholds, of the images that they were fitted on.
    assert member[np.arange(len(val)), truth].mean() >= 1 - sets.alpha


def test_figures_are_those_of_both_models_on_the_test_images(run, cost):
    arm = cost["arm"]
    metrics = json.loads((run / "metrics.json").read_text())
    (whole,) = [
        row
        for row in cost["scores"]
        if (row["stratum"], row["metric"]) == ("all", "balanced_accuracy")
    ]
    known = metrics["arms"][arm]["strata"][0]["metrics"]["balanced_accuracy"]["value"]
    assert whole["reference"] == pytest.approx(known)
    assert whole["difference"] == pytest.approx(whole["value"] - whole["reference"])
    assert whole["agreement"] == pytest.approx(cost["argmax_agreement"])
    assert {row["metric"] for row in cost["scores"]} >= {
        "macro_auc",
        "sensitivity",
        "brier_score",
        "expected_calibration_error",
    }
    assert {row["stratum"] for row in cost["scores"]} == {
        "all",
        "tone_group",
        "photograph_colour",
    }
    unjudged = [row for row in cost["scores"] if not row["judged"]]
    assert unjudged and all("too few to judge" in row["reason"] for row in unjudged)


def test_speed_size_and_memory_are_measured_side_by_side(run, cost):
    assert set(cost["latency"]) == {"1", "8"}
    for times in cost["latency"].values():
        for of_model in times.values():
            assert 0 < of_model["median_ms"] <= of_model["p95_ms"]
    folder = run / "export/ensemble_dynamic"
    assert cost["size_bytes"] >= sum(f.stat().st_size for f in folder.glob("*.tflite"))
    memory = cost["memory"]
    assert memory["quantised"]["peak_mb"] < memory["float"]["peak_mb"]


def test_tables_are_in_the_report_and_the_card(run):
    report(str(run))
    html = (run / "report.html").read_text()
    card = (run / "export/model_card.md").read_text()
    for text in (html, card):
        for words in (
            "macro AUC",
            "too few to judge",
            "95th percentile, ms, batch of 8",
        ):
            assert words in text, words
    assert "The gate was off" in html or "the gate was off" in html


def test_description_names_the_preset_that_prepared_the_images(evaluated_run, copied):
    """Not the one of the augmentation, by which photographs would be prepared wrong."""
    trained = RunDirectory(evaluated_run).settings(TrainClassifierSettings, "baseline")
    members = [MemberSettings("CustomCNN", file=m.file) for m in trained.members]
    jobs.run_stage(
        "train_classifier", copied, arm="others", members=members, preset="melanet"
    )
    described = json.loads((copied / "arms/others/ensemble.json").read_text())
    assert described["preset"] == "sn_gan_ensemble"


def test_predictions_made_elsewhere_are_no_measure_of_an_export(copied):
    record = copied / "stages/evaluate.json"
    content = json.loads(record.read_text())
    content["settings"]["predictions"] = {"baseline": "a.csv: 1", "augmented": "b: 2"}
    record.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="made elsewhere.*Received: "):
        jobs.run_stage("export_tflite", copied, mode="dynamic", gate="none")


def test_card_counts_test_photographs_of_lesions_that_were_trained_on(copied):
    from keras_derm.report.export_card import _seen_in_training

    catalog = Catalog.load(copied / "catalog.csv")
    assert _seen_in_training(catalog) == "none"
    test = catalog.split("test").table["patient_id"]
    table = catalog.table.copy()
    shared = test.iloc[0]
    table.loc[table.index[table["split"] == "train"][0], "patient_id"] = shared
    n = int((test == shared).sum())
    leaking = catalog.with_columns(
        patient_id=table["patient_id"], split_name="published"
    )
    assert _seen_in_training(leaking) == f"{n} of them"


def test_a_ruined_model_is_refused_and_not_left_behind(ruined, capsys):
    for _ in range(2):  # the second time it was done already, and refused
        with pytest.raises(ExportRefused) as refusal:
            jobs.run_stage("export_tflite", ruined, mode="float16")
        for words in (
            "all test images (n = ",
            "macro AUC",
            "margin 0.005",
            "--gate none",
            "--mode",
        ):
            assert words in str(refusal.value), words
    assert "already done" in capsys.readouterr().out
    assert [path.name for path in (ruined / "export").iterdir()] == ["cost.json"]
    cost = json.loads((ruined / "export/cost.json").read_text())
    assert "all" in cost["gate"]["refused"]
    report(str(ruined))
    assert "The export is refused" in (ruined / "report.html").read_text()
    config = yaml.safe_load((ruined / "config.yaml").read_text())
    assert config["scales"]["published"]["export_tflite"]["mode"] == "float16"


def test_refused_export_does_not_lose_the_report(ruined, monkeypatch):
    done = []
    monkeypatch.setattr("keras_derm.jobs.run_recipe.report", done.append)
    stages = {
        "audit_skin_tone": {"data": "phantom:n=9"},
        "export_tflite": {"mode": "float16"},
    }
    recipe = {"only": ["export_tflite"], "scales": {"published": stages}}
    (ruined / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    with pytest.raises(ExportRefused):
        run_recipe(str(ruined), recipe=str(ruined / "recipe.yaml"))
    assert done == [str(ruined)]


def test_whoever_knows_the_cost_may_have_it(ruined):
    jobs.run_stage("export_tflite", ruined, mode="float16", gate="none")
    assert (ruined / "export/ensemble_float16.tflite").is_file()
    cost = json.loads((ruined / "export/cost.json").read_text())
    assert cost["gate"]["refused"] and not cost["refusal"]


def run_app(monkeypatch, run, *options):
    """Exit status of the command, run in this process."""
    monkeypatch.setattr(sys, "argv", ["export_tflite.py", "--run", str(run), *options])
    with pytest.raises(SystemExit) as end:
        command_line("export_tflite")
    return end.value.code


@pytest.fixture
def copied(evaluated_run, tmp_path, monkeypatch):
    monkeypatch.setattr("keras_derm.export.memory.peak_memory", lambda path: None)
    return shutil.copytree(evaluated_run, tmp_path / "run")


def repeat(monkeypatch, run):
    """Do the export as the config.yaml of the run says it."""
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["only"] = ["export_tflite"]
    (run / "again.yaml").write_text(yaml.safe_dump(config))
    monkeypatch.setattr("keras_derm.jobs.run_recipe.report", lambda run: None)
    run_recipe(str(run), recipe=str(run / "again.yaml"))


@pytest.mark.parametrize("imitate", [True, False])
def test_members_learn_from_real_training_images_alone(copied, monkeypatch, imitate):
    learned = {}

    def quantization_aware(member, path, batches, image_size, n_views, **settings):
        parts = zip(*batches, strict=True)
        learned[member.name] = [np.concatenate(part) for part in parts]
        alone = build_ensemble([member], image_size, n_views=n_views)
        file = (settings[key] for key in ("mode", "classes", "io"))
        return export_tflite(alone, path, settings["representative_images"], *file)

    module = "keras_derm.export.ensemble.quantization_aware"
    monkeypatch.setattr(module, quantization_aware)
    catalog = Catalog.load(copied / "catalog.csv")
    task = get_task("diagnosis8").present_in(catalog.split("train"))
    train = catalog.where(task.covers(catalog)).split("train")
    n = len(train.table)
    options = ["--gate=none", "--arm=baseline", f"--fine_tuning.imitate={imitate}"]
    options += ["--fine_tuning.n_steps=2", f"--fine_tuning.batch_size={n}"]
    assert run_app(monkeypatch, copied, *options) == 0

    prepared = PreparedImages.load(copied / "prepared/real")
    expected = prepared.take(prepared.indices(train))
    position = {image.tobytes(): i for i, image in enumerate(expected)}
    images, targets, weights = learned["first"]
    rows = np.array([position[image.tobytes()] for image in images])
    # Each once in each of two rounds, and no other.
    np.testing.assert_array_equal(np.bincount(rows, minlength=n), 2)
    truth = task.targets(train)[rows]
    counted = class_weights(task.targets(train), len(task.classes))[truth]
    np.testing.assert_allclose(weights, counted)
    assert learned["second"][0].shape[1:] == (24, 24, 3)
    if imitate:
        ensemble = load_classifier(copied / "arms/baseline/ensemble.keras")
        for member in ensemble_members(ensemble):
            images, targets, _ = learned[member.name]
            y_prob = member.predict(images.astype("float32"), verbose=0)
            np.testing.assert_allclose(targets, y_prob, atol=1e-5)
    else:
        np.testing.assert_array_equal(targets, np.eye(len(task.classes))[truth])

    cost = json.loads((copied / "export/cost.json").read_text())
    assert cost["fine_tuning"]["n_steps"] == 2
    card = (copied / "export/model_card.md").read_text()
    assert f"quantisation-aware training: 2 steps of {n} real training images" in card
    repeat(monkeypatch, copied)
    assert json.loads((copied / "export/cost.json").read_text()) == cost


@pytest.mark.slow
def test_quantisation_aware_training_from_the_command(copied, monkeypatch):
    options = ["--fine_tuning.method=qat", "--fine_tuning.n_steps=3", "--gate=none"]
    assert run_app(monkeypatch, copied, *options) == 0
    cost = json.loads((copied / "export/cost.json").read_text())
    assert [member["method"] for member in cost["members"]] == ["qat", "qat"]
    assert (cost["form"], cost["mode"]) == ("folder", "int8")
    assert cost["mean_abs_difference"] < 0.02


def test_missing_extra_is_named_before_anything_is_done(
    evaluated_run, monkeypatch, capsys
):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name == "tf_keras" else found(name),
    )
    assert run_app(monkeypatch, evaluated_run, "--fine_tuning.method=qat") == 1
    assert 'pip install "keras_derm[quantization]"' in capsys.readouterr().err
    assert not (evaluated_run / "export").exists()


def test_other_losses_are_imitated_or_refused(copied):
    record = copied / "stages/train_classifier.baseline.json"
    content = json.loads(record.read_text())
    content["settings"]["imbalance"] = "focal"
    record.write_text(json.dumps(content))
    tuning = FineTuningSettings(imitate=False)
    with pytest.raises(ValueError, match="imitate.*Received: the arm baseline"):
        jobs.run_stage("export_tflite", copied, arm="baseline", fine_tuning=tuning)


@pytest.mark.parametrize(
    "settings",
    [
        {"mode": "int4"},
        {"member_modes": {"first": "int4"}},
        {"margin": -0.1},
        {"mode": "dynamic", "fine_tuning": FineTuningSettings("qat")},
    ],
)
def test_wrong_settings_are_refused_before_any_work(evaluated_run, settings):
    with pytest.raises(ValueError, match="Received:"):
        jobs.run_stage("export_tflite", evaluated_run, **settings)
    assert not (evaluated_run / "export").exists()
