"""One small run of every stage, looked at from all sides. Sizes are for the test."""

import json
import runpy
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from keras_derm import jobs
from keras_derm.catalog import Catalog
from keras_derm.jobs.predict import predict
from keras_derm.jobs.report import report
from keras_derm.jobs.run_recipe import run_recipe, stage_settings
from keras_derm.jobs.train_classifier import check_member_weights
from keras_derm.runs import RunDirectory
from keras_derm.runs.records import Record
from keras_derm.settings import MemberSettings, TrainClassifierSettings

APPS = Path(__file__).parents[2] / "apps"
SMALL = {
    "prepare_dataset": {"image_size": 32, "preset": "sn_gan_ensemble"},
    "train_generator": {
        "image_size": 32,
        "n_steps": 4,
        "steps_per_epoch": 2,
        "generator": {"sngan": {"batch_size": 8, "base_channels": 4, "latent_dim": 8}},
    },
    "synthesize": {"target_per_diagnosis": 12, "candidates_per_image": 2.0},
    "train_classifier": {
        "batch_size": 16,
        "batch_norm_momentum": 0.5,
        "members": [
            {"backbone": "SmallResNet", "image_size": 32, "epochs": 1},
            {  # learns enough to be right now and then, which cases are shown for
                "backbone": "CustomCNN",
                "image_size": 16,
                "epochs": 6,
                "learning_rate": 0.01,
            },
        ],
        "ensemble_weights": [3, 1],
        "arms": {
            "balanced": {
                "imbalance": "balanced_sampling",
                "adds": "synthetic",
                "ensemble_weights": "fitted",
                "members": [{"backbone": "CustomCNN", "image_size": 16, "epochs": 1}],
            }
        },
    },
    "evaluate": {"n_replicates": 50},
    "explain": {"n_each": 1, "n_points": 40},
    # Of 18 test images chance alone may refuse the export.
    "export_tflite": {"mode": "dynamic", "gate": "none"},
}


@pytest.fixture(scope="module")
def run(phantoms, tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipe")
    recipe = folder / "small.yaml"
    recipe.write_text(yaml.safe_dump({"name": "small", "scales": {"published": SMALL}}))
    run_recipe(str(folder / "run"), "phantom:n=120,seed=3,size=64", str(recipe))
    return folder / "run"


def test_every_artefact_is_there(run):
    for name in (
        "config.yaml",
        "environment.json",
        "catalog.csv",
        "metrics.json",
        "metrics.csv",
        "report.html",
        "audit/tone_by_diagnosis.csv",
        "arms/baseline/ensemble.keras",
        "arms/augmented/smallresnet_32/history.csv",
        "export/ensemble_dynamic.tflite",
    ):
        assert (run / name).is_file(), name
    assert not [path for path in run.rglob(".*")]


def test_no_lesion_or_patient_is_in_two_parts(run):
    table = Catalog.load(run / "catalog.csv").table
    assert table["split"].notna().all()
    for column in ("patient_id", "lesion_id"):
        assert table.groupby(column)["split"].nunique().max() == 1


def test_predictions_are_of_real_test_images_alone(run):
    table = Catalog.load(run / "catalog.csv").table
    expected = set(table.loc[table["split"] == "test", "isic_id"])
    for arm in ("baseline", "augmented"):
        found = pd.read_csv(run / f"predictions/{arm}_ensemble_test.csv")
        assert set(found["isic_id"]) == expected
        np.testing.assert_allclose(found.drop(columns="isic_id").sum(axis=1), 1)


def test_both_arms_took_the_same_steps_and_settings(run):
    records = [
        json.loads((run / f"stages/train_classifier.{arm}.json").read_text())
        for arm in ("baseline", "augmented")
    ]
    assert [record["settings"].pop("arm") for record in records] == [
        "baseline",
        "augmented",
    ]
    assert records[0]["settings"] == records[1]["settings"]


def test_an_arm_of_another_name_is_compared_by_its_predictions(run, tmp_path):
    csv = run / "arms/balanced/predictions/ensemble_test.csv"
    judged = run / "predictions/balanced_ensemble_test.csv"
    assert judged.read_bytes() == csv.read_bytes()
    jobs.run_stage("compare", tmp_path / "compared", runs=[str(run)], n_replicates=50)
    found = pd.read_csv(tmp_path / "compared/compare.csv")
    assert set(found["arm"]) == {"baseline", "augmented", "balanced"}
    described = json.loads((run / "arms/balanced/ensemble.json").read_text())
    whole = json.loads((run / "arms/augmented/ensemble.json").read_text())
    assert described["n_synthetic"] == whole["n_synthetic"]


def test_members_count_by_the_numbers_given(run):
    described = json.loads((run / "arms/baseline/ensemble.json").read_text())
    assert described["weights"] == [0.75, 0.25]


def test_member_of_a_file_is_pinned_to_what_it_holds(tmp_path):
    with pytest.raises(FileNotFoundError, match="Received: .*absent"):
        jobs.run_stage(
            "train_classifier",
            tmp_path / "run",
            arm="own",
            members=[MemberSettings("VGG16", file="absent.keras")],
        )
    file = tmp_path / "model.keras"
    file.write_bytes(b"another model")
    member = MemberSettings("VGG16", file=str(file), digest="0123456789abcdef")
    with pytest.raises(ValueError, match="not the file that was recorded.*Received"):
        jobs.run_stage(
            "train_classifier", tmp_path / "run", arm="own", members=[member]
        )


def test_every_rejected_image_has_its_reason(run):
    verdicts = pd.read_csv(run / "screening.csv", keep_default_na=False)
    assert (verdicts["accepted"] == (verdicts["reason"] == "")).all()
    assert not (verdicts["kept"] & ~verdicts["accepted"]).any()


def test_metrics_hold_the_paired_difference(run):
    metrics = json.loads((run / "metrics.json").read_text())
    for name in ("balanced_accuracy", "macro_auc"):
        before = metrics["arms"]["baseline"]["strata"][0]["metrics"][name]["value"]
        after = metrics["arms"]["augmented"]["strata"][0]["metrics"][name]["value"]
        difference = metrics["differences"]["augmented"][0][name]["value"]
        assert difference == pytest.approx(after - before)


def test_nothing_is_claimed_of_arms_that_learned_from_the_same_images(run):
    made = json.loads((run / "arms/augmented/ensemble.json").read_text())["n_synthetic"]
    verdict = json.loads((run / "metrics.json").read_text())["verdict"]
    assert verdict.startswith("Nothing was compared") == (made == 0)


def test_every_case_is_explained_and_the_explanation_checked(run):
    cases = pd.read_csv(run / "explanations.csv")
    pooled = {"all", "light", "medium", "dark", "unknown"}
    assert set(cases["group"]) <= pooled
    assert cases.groupby(["group", "kind"]).size().max() <= SMALL["explain"]["n_each"]
    wrong = cases["true_class"] != cases["predicted_class"]
    assert (wrong == (cases["kind"] != "correct")).all()
    for column in ("attention_in_lesion", "deletion_area_attention"):
        assert cases[column].dropna().between(0, 1).all()
    assert cases["sanity_correlation"].dropna().between(-1, 1).all()
    found = json.loads((run / "explanations.json").read_text())
    assert found["n_images"] == cases["isic_id"].nunique()
    assert all(size == [16, 16] for size in found["regions"].values())
    shown = [f"attention_{kind}" for kind in cases["kind"].unique()]
    for name in (*shown, "attention_by_tone", "sanity_check", "deletion"):
        assert (run / f"figures/{name}.png").is_file(), name


def test_map_of_features_holds_training_images_alone(run):
    points = pd.read_csv(run / "feature_map.csv")
    table = Catalog.load(run / "catalog.csv").table
    train = set(table.loc[table["split"] == "train", "isic_id"])
    assert set(points.loc[~points["synthetic"], "isic_id"]) <= train
    assert np.isfinite(points[["x", "y"]]).all(axis=None)


def test_report_does_without_what_older_runs_lack(run, tmp_path):
    old = tmp_path / "old"
    shutil.copytree(run, old)
    (old / "feature_map.csv").unlink()
    (old / "explanations.json").unlink()
    cases = pd.read_csv(old / "explanations.csv")
    older = ["isic_id", "tone_group", "attention_in_lesion", "lesion_share"]
    cases[older].to_csv(old / "explanations.csv", index=False)
    for figure in (old / "figures").glob("*.png"):
        figure.unlink()
    report(str(old))
    assert "What the model looked at" in (old / "report.html").read_text()


def test_second_run_does_nothing_again(run, capsys):
    before = {
        path: path.stat().st_mtime_ns
        for path in run.rglob("*")
        if path.suffix in (".keras", ".npy", ".tflite")
    }
    jobs.run_stage("prepare_dataset", run, **SMALL["prepare_dataset"])
    jobs.run_stage("evaluate", run, **SMALL["evaluate"])
    assert capsys.readouterr().out.count("already done") == 2
    assert before == {path: path.stat().st_mtime_ns for path in before}


@pytest.mark.parametrize(
    "model", ["arms/augmented/ensemble.keras", "export/ensemble_dynamic.tflite"]
)
def test_predict_agrees_with_the_run_and_survives_a_bad_image(run, tmp_path, model):
    catalog = Catalog.load(run / "catalog.csv").split("test")
    folder = tmp_path / "photographs"
    folder.mkdir()
    ids = catalog.table["isic_id"].tolist()[:3]
    for isic_id, path in zip(ids, catalog.paths, strict=False):
        source = Path(path)
        (folder / f"{isic_id}{source.suffix}").write_bytes(source.read_bytes())
    (folder / "bad.jpg").write_bytes(b"no image")
    output = tmp_path / "predictions.csv"
    assert predict(str(run / model), str(folder), str(output)) == 1
    found = pd.read_csv(output).set_index("image")
    found.index = [Path(name).stem for name in found.index]
    arm = "augmented"
    if model.endswith(".tflite"):  # of the arm that was best on validation images
        arm = json.loads((run / "export/cost.json").read_text())["arm"]
    known = pd.read_csv(run / f"predictions/{arm}_ensemble_test.csv")
    known = known.set_index("isic_id").loc[ids]
    np.testing.assert_allclose(
        found.loc[ids, known.columns].to_numpy(float), known.to_numpy(float), atol=0.05
    )


def test_stage_without_its_forerunner_says_which_app_to_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="apps/prepare_dataset.py"):
        jobs.run_stage("train_generator", tmp_path / "empty")


@pytest.mark.parametrize("app", sorted(path.stem for path in APPS.glob("*.py")))
def test_help_of_every_app(app, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [f"{app}.py", "--help"])
    with pytest.raises(SystemExit) as status:
        runpy.run_path(str(APPS / f"{app}.py"), run_name="__main__")
    assert status.value.code == 0
    assert "--config" in capsys.readouterr().out


def test_fault_of_the_input_is_one_message_and_status_1(tmp_path):
    command = [sys.executable, APPS / "audit_skin_tone.py"]
    command += ["--run", tmp_path / "run", "--data", "ham1000:/nowhere"]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 1
    assert "Received: 'ham1000:/nowhere'" in found.stderr
    assert "Traceback" not in found.stderr


def test_weights_given_for_a_backbone_leave_the_recipes_others():
    given = {"MobileNetV2": "mobilenet.h5"}
    settings = stage_settings("keras_derm", "demo", "phantom:n=9", given)
    stages = {one.stage: one for one in settings}
    assert stages["synthesize"].feature_weights == "mobilenet.h5"
    weights = stages["train_classifier"].weights
    assert weights == {"EfficientNetLite0": "imagenet"} | given


def test_weights_that_are_not_there_are_refused_before_the_first_stage(tmp_path):
    run, weights = tmp_path / "run", {"EfficientNetLite0": "absent.h5"}
    with pytest.raises(FileNotFoundError, match="for EfficientNetLite0.*'absent.h5'"):
        run_recipe(str(run), "phantom:n=9", "keras_derm", "quick", weights)
    assert not list(run.glob("stages/*.json"))


def test_arm_that_is_trained_needs_its_weights_no_more(tmp_path):
    run, members = RunDirectory(tmp_path / "run"), (MemberSettings("ResNet50"),)
    trained = TrainClassifierSettings(members=members, weights={"ResNet50": "lost.h5"})
    with pytest.raises(FileNotFoundError, match="for ResNet50. Received: 'lost.h5'"):
        check_member_weights(run, trained)
    Record(trained).write(run.record(trained.record), seconds=1.0)
    check_member_weights(run, trained)
    others = replace(trained, weights={"ResNet50": "other.h5"})
    with pytest.raises(FileNotFoundError, match="Received: 'other.h5'"):
        check_member_weights(run, others)


@pytest.mark.slow
def test_config_of_one_arm_repeats_that_arm_alone(evaluated_run, tmp_path):
    run = shutil.copytree(evaluated_run, tmp_path / "run")
    for arm in ("baseline", "augmented"):
        (run / f"stages/train_classifier.{arm}.json").unlink()
    for stage in ("synthesize", "evaluate"):
        (run / f"stages/{stage}.json").unlink()
    member = MemberSettings("CustomCNN", image_size=32, epochs=1)
    jobs.run_stage("train_classifier", run, arm="own", members=[member])
    again = tmp_path / "again"
    run_recipe(str(again), recipe=str(run / "config.yaml"))
    assert {path.stem for path in (again / "stages").glob("*.json")} == {
        "audit_skin_tone",
        "prepare_dataset",
        "train_classifier.own",
    }
    first, second = ((one / "config.yaml").read_text() for one in (run, again))
    assert first.replace("name: run", "name: again") == second


def test_config_repeats_the_run(run, capsys):
    config = (run / "config.yaml").read_text()
    run_recipe(str(run), recipe=str(run / "config.yaml"))
    stages = [line for line in capsys.readouterr().out.splitlines() if line[:1] == "["]
    assert len(stages) == 11
    assert all(line.endswith("already done") for line in stages)
    assert (run / "config.yaml").read_text() == config


def test_predictions_made_elsewhere_are_judged_the_same(run, tmp_path):
    other = tmp_path / "run"
    for name in ("catalog.csv", "audit", "prepared"):
        copy = shutil.copytree if (run / name).is_dir() else shutil.copy
        (other / "stages").mkdir(parents=True, exist_ok=True)
        copy(run / name, other / name)
    for stage in ("audit_skin_tone", "prepare_dataset"):
        shutil.copy(run / f"stages/{stage}.json", other / "stages")
    shutil.copy(run / "environment.json", other)
    given = {}
    for arm in RunDirectory(run).arms:
        parts = [
            pd.read_csv(run / f"predictions/{arm}_ensemble_{split}.csv")
            for split in ("test", "val")
        ]
        given[arm] = str(tmp_path / f"{arm}.csv")
        pd.concat(parts).to_csv(given[arm], index=False)
    jobs.run_stage("evaluate", other, predictions=given, n_replicates=50)
    jobs.run_stage("explain", other, n_each=1)
    report(str(other))
    own = pd.read_csv(run / "metrics.csv")
    pd.testing.assert_frame_equal(pd.read_csv(other / "metrics.csv"), own)
    html = (other / "report.html").read_text()
    assert "made elsewhere" in html and "Cases to look at" in html
    assert list((other / "figures").glob("cases_*.png"))


def test_predictions_of_one_arm_alone_are_refused(run, tmp_path):
    with pytest.raises(ValueError, match="one model alone.*Received"):
        jobs.run_stage(
            "evaluate", run, predictions={"baseline": str(tmp_path / "a.csv")}
        )
