"""What the export leaves behind, and what it does not when it costs too much."""

import json
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
import yaml

from keras_derm import jobs
from keras_derm.catalog import Catalog, get_task
from keras_derm.export import ExportRefused, QuantizedEnsemble


@pytest.fixture(scope="module")
def run(evaluated_run, tmp_path_factory):
    """The evaluated run with a folder exported, its second member in another mode."""
    run = tmp_path_factory.mktemp("exported") / "run"
    shutil.copytree(evaluated_run, run)
    modes = {"second": "float16"}
    jobs.export_tflite(str(run), mode="dynamic", member_modes=modes, gate="none")
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
        "model_card.md",
    }
    ensemble = QuantizedEnsemble(run / "export/ensemble_dynamic")
    assert [one.mode for one in ensemble.members] == ["dynamic", "float16"]
    assert (cost["form"], cost["mode"]) == ("folder", "mixed")
    known = json.loads((run / "baseline/ensemble.json").read_text())
    assert ensemble.description["photographs"] == known["photographs"]
    assert ensemble.description["skin_tone"]["rule"] == "quadrant"


def test_sets_are_calibrated_on_what_the_quantised_model_says(run):
    from keras_derm.evaluation import ConformalSets
    from keras_derm.pipeline import PreparedImages

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
    known = metrics[arm]["strata"][0]["metrics"]["balanced_accuracy"]["value"]
    assert whole["float"] == pytest.approx(known)
    assert whole["difference"] == pytest.approx(whole["quantised"] - whole["float"])
    assert whole["agreement"] == pytest.approx(cost["argmax_agreement"])
    assert {row["metric"] for row in cost["scores"]} >= {
        "macro_auc",
        "sensitivity",
        "brier_score",
        "expected_calibration_error",
    }
    assert {row["stratum"] for row in cost["scores"]} == {
        "all",
        "skin_tone",
        "skin_tone_pooled",
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
    jobs.report(str(run))
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


def test_a_ruined_model_is_refused_and_not_left_behind(ruined, capsys):
    for _ in range(2):  # the second time it was done already, and refused
        with pytest.raises(ExportRefused) as refusal:
            jobs.export_tflite(str(ruined), mode="float16")
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
    jobs.report(str(ruined))
    assert "The export is refused" in (ruined / "report.html").read_text()
    config = yaml.safe_load((ruined / "config.yaml").read_text())
    assert config["scales"]["published"]["export_tflite"]["mode"] == "float16"


def test_refused_export_does_not_lose_the_report(ruined, monkeypatch):
    done = []
    monkeypatch.setattr(jobs, "report", done.append)
    module = sys.modules["keras_derm.jobs.run_recipe"]
    monkeypatch.setattr(module, "STAGES", ("export_tflite",))
    settings = {"export_tflite": {"mode": "float16"}, "train_classifier": {}}
    stages = settings | {"audit_skin_tone": {"data": "phantom:n=9"}}
    stages |= {"prepare_dataset": {}, "image_quality": {}}
    monkeypatch.setattr(module, "load_recipe", lambda *_: {"stages": stages})
    with pytest.raises(ExportRefused):
        jobs.run_recipe(str(ruined))
    assert done == [str(ruined)]


def test_whoever_knows_the_cost_may_have_it(ruined):
    jobs.export_tflite(str(ruined), mode="float16", gate="none")
    assert (ruined / "export/ensemble_float16.tflite").is_file()
    cost = json.loads((ruined / "export/cost.json").read_text())
    assert cost["gate"]["refused"] and not cost["refusal"]


@pytest.mark.parametrize(
    "settings",
    [{"mode": "int4"}, {"member_modes": {"first": "int4"}}, {"margin": -0.1}],
)
def test_wrong_settings_are_refused_before_any_work(evaluated_run, settings):
    with pytest.raises(ValueError, match="Received:"):
        jobs.export_tflite(str(evaluated_run), **settings)
    assert not (evaluated_run / "export").exists()
