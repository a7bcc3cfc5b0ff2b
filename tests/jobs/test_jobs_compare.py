"""Judge arms: of one run, of runs of several seeds, and made elsewhere."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from keras_derm import jobs
from keras_derm.catalog import Catalog
from keras_derm.evaluation import GAP_COLUMNS
from keras_derm.files import write_csv
from keras_derm.jobs.report import report
from keras_derm.runs import RunDirectory
from keras_derm.runs.records import Record
from keras_derm.settings import (
    AuditSkinToneSettings,
    EvaluateSettings,
    PrepareDatasetSettings,
    TrainClassifierSettings,
)

CLASSES = ["MEL", "NV"]


def make_catalog(root, n_test=160):
    generator = np.random.default_rng(0)
    splits = np.repeat(["train", "val", "test"], [40, 100, n_test])
    n = len(splits)
    (root / "image.jpg").write_bytes(b"image")
    table = pd.DataFrame(
        {
            "isic_id": [f"i{i}" for i in range(n)],
            "path": "image.jpg",
            "diagnosis": generator.choice(CLASSES, n, p=[0.4, 0.6]),
            "lesion_id": [f"l{i}" for i in range(n)],
            "sex": generator.choice(["male", "female"], n),
            "age_approx": generator.integers(20, 90, n),
            "tone_group": generator.choice(["light", "dark"], n, p=[0.95, 0.05]),
            "tone_source": "label",
            "ita": generator.choice([60.0, 0.0], n, p=[0.9, 0.1]),
            "ita_type": "I",
            "contrast": generator.random(n) * 30,
            "split": splits,
        }
    )
    return Catalog(table, root=root)


def predictions(catalog, strength, seed):
    generator = np.random.default_rng(seed)
    is_melanoma = (catalog.table["diagnosis"] == "MEL").to_numpy()
    logit = strength * np.where(is_melanoma, 1, -1)
    score = 1 / (1 + np.exp(-(logit + generator.normal(size=len(catalog)))))
    frame = pd.DataFrame({"MEL": score, "NV": 1 - score})
    frame.insert(0, "isic_id", catalog.table["isic_id"].array)
    return frame


def finish(run, settings):
    Record(settings).write(run.record(settings.record), 0.0)


def train_arm(run, catalog, arm, strength, seed, n_synthetic=0, **settings):
    """An arm as its training leaves it, whose network is a member of itself alone."""
    for split in ("val", "test"):
        frame = predictions(catalog.split(split), strength, seed)
        for model in ("ensemble", "member"):
            write_csv(run.arm(arm) / f"predictions/{model}_{split}.csv", frame)
    described = json.dumps({"n_synthetic": n_synthetic})
    (run.arm(arm) / "ensemble.json").write_text(described)
    finish(run, TrainClassifierSettings(arm, seed=seed, **settings))


def make_run(path, catalog, seed):
    run = RunDirectory(path)
    finish(run, AuditSkinToneSettings("folder:x"))
    finish(run, PrepareDatasetSettings())
    catalog.save(run.catalog_file)
    for arm, strength in (("baseline", 0.3), ("augmented", 1.5)):
        train_arm(run, catalog, arm, strength, seed)
        for split in ("val", "test"):
            source = run.arm(arm) / f"predictions/ensemble_{split}.csv"
            run.predictions.mkdir(exist_ok=True)
            shutil.copy(source, run.predictions / f"{arm}_ensemble_{split}.csv")
    finish(run, EvaluateSettings())
    return str(path)


@pytest.fixture
def runs(tmp_path):
    catalog = make_catalog(tmp_path)
    return [make_run(tmp_path / f"seed{seed}", catalog, seed) for seed in (1, 2, 3)]


def test_seeds_of_an_arm_are_compared_together(runs, tmp_path, capsys):
    jobs.run_stage("compare", tmp_path / "out", runs=runs, n_replicates=200)
    said = " ".join(capsys.readouterr().out.split())
    assert "augmented is better than baseline: balanced accuracy 0." in said
    assert "the same 160 real test images" in said and "3 against 3 seeds" in said
    found = json.loads((tmp_path / "out/compare.json").read_text())
    assert found["n_seeds"] == {"baseline": 3, "augmented": 3}
    assert found["verdicts"]["augmented"].startswith("augmented is better")
    table = pd.read_csv(tmp_path / "out/compare.csv")
    assert {"all", "tone_group", "sex", "age_band", "contrast_band"} <= set(
        table["stratum"]
    )
    assert "sensitivity_at_95" in set(table["metric"])
    assert found["tone_sources"] in said and "by people's labels" in said
    gaps = pd.read_csv(tmp_path / "out/compare_gaps.csv")
    assert set(gaps["arm"]) == {"baseline", "augmented"}
    assert "baseline, tone_group: Of MEL AUC nothing can be said of dark" in said
    for name in ("compare_forest", "compare_forest_others"):
        assert (tmp_path / f"out/figures/{name}.png").is_file()


def test_predictions_made_elsewhere_are_judged_alone_or_compared(runs, tmp_path):
    catalog = Catalog.load(f"{runs[0]}/catalog.csv")
    frame = predictions(catalog.split("test"), 1.0, seed=9)
    write_csv(tmp_path / "torch_test.csv", frame)
    options = {"data": f"{runs[0]}/catalog.csv", "n_replicates": 50}
    alone = {"torch": str(tmp_path / "torch_test.csv")}
    jobs.run_stage(
        "compare", tmp_path / "one", predictions=alone, reference="torch", **options
    )
    table = pd.read_csv(tmp_path / "one/compare.csv")
    assert set(table["arm"]) == {"torch"}
    # No csv of val beside it: no thresholds.
    assert not table["metric"].str.contains("_at_").any()
    jobs.run_stage(
        "compare", tmp_path / "two", runs=runs, predictions=alone, n_replicates=50
    )
    table = pd.read_csv(tmp_path / "two/compare.csv")
    assert set(table["arm"]) == {"baseline", "augmented", "torch"}


def test_what_predict_writes_is_judged_and_shown_with_auc_and_sensitivity(
    runs, tmp_path, capsys
):
    catalog = Catalog.load(f"{runs[0]}/catalog.csv")
    paths = [f"/elsewhere/{name}.jpg" for name in catalog.table["isic_id"]]
    table = catalog.table.assign(path=[f"{n}.jpg" for n in catalog.table["isic_id"]])
    for path in table["path"]:
        (tmp_path / path).touch()
    table["tone_group"] = table["tone_source"] = pd.NA
    Catalog(table, root=tmp_path).save(tmp_path / "own.csv")
    frame = predictions(catalog, 1.0, seed=9).drop(columns="isic_id")
    frame.insert(0, "image", paths)
    told = {"diagnosis": "NV", "prediction_set": "", "ita_type": "I", "ita": 60.0}
    told |= {"ita_low": 50.0, "ita_high": 70.0, "ita_reason": "", "warnings": ""}
    write_csv(tmp_path / "predicted.csv", frame.assign(**told, error=""))
    jobs.run_stage(
        "compare",
        tmp_path / "out",
        predictions={"own": str(tmp_path / "predicted.csv")},
        data=str(tmp_path / "own.csv"),
        reference="own",
        n_replicates=50,
    )
    said = " ".join(capsys.readouterr().out.split())
    for metric in ("balanced accuracy", "AUC", "MEL sensitivity", "MEL specificity"):
        assert metric in said
    assert "audit the archive first (apps/audit_skin_tone.py" in said


def test_data_without_a_test_split_is_not_judged_on_what_was_trained_on(runs, tmp_path):
    catalog = Catalog.load(f"{runs[0]}/catalog.csv")
    catalog.where(split=["train", "val"]).save(tmp_path / "trained.csv")
    options = {"reference": "a", "n_replicates": 20}
    write_csv(tmp_path / "a_test.csv", predictions(catalog.split("train"), 1.0, 0))
    arms = {"a": str(tmp_path / "a_test.csv")}
    with pytest.raises(ValueError, match=r"in test: .*Received: .*'train': 40"):
        jobs.run_stage(
            "compare",
            tmp_path / "one",
            predictions=arms,
            data=str(tmp_path / "trained.csv"),
            **options,
        )


def test_photographs_of_other_types_are_left_out_where_that_is_asked(tmp_path, capsys):
    catalog = make_catalog(tmp_path)
    types = np.resize(["dermoscopic", "clinical: overview"], len(catalog))
    catalog.with_columns(image_type=types).save(tmp_path / "catalog.csv")
    test = catalog.where(types == "dermoscopic").split("test")
    write_csv(tmp_path / "a_test.csv", predictions(test, 1.0, 0))
    jobs.run_stage(
        "compare",
        tmp_path / "out",
        predictions={"a": str(tmp_path / "a_test.csv")},
        data=str(tmp_path / "catalog.csv"),
        image_types=["dermoscopic"],
        reference="a",
        n_replicates=20,
    )
    assert "150 of 300 photographs are not dermoscopic" in capsys.readouterr().out
    table = pd.read_csv(tmp_path / "out/compare.csv")
    assert set(table["n"][table["stratum"] == "all"]) == {80}


def test_validation_without_positive_images_gives_no_thresholds(
    runs, tmp_path, capsys, monkeypatch
):
    catalog = Catalog.load(f"{runs[0]}/catalog.csv")
    table = catalog.table
    rows = table["split"] == "val"
    changed = catalog.with_columns(diagnosis=table["diagnosis"].mask(rows, "NV"))
    changed.save(f"{runs[0]}/catalog.csv")
    given = judged_elsewhere(runs[0], tmp_path)
    jobs.run_stage("evaluate", runs[0], predictions=given, n_replicates=20)
    assert "no validation image is MEL" in capsys.readouterr().out
    table = pd.read_csv(f"{runs[0]}/metrics.csv")
    assert not table["metric"].str.contains("_at_").any()


def judged_elsewhere(run, folder):
    """Csv files of both arms with val and test images, as made by other software."""
    given = {}
    for arm in ("baseline", "augmented"):
        parts = [
            pd.read_csv(f"{run}/predictions/{arm}_ensemble_{split}.csv")
            for split in ("val", "test")
        ]
        given[arm] = str(folder / f"{arm}.csv")
        write_csv(given[arm], pd.concat(parts))
    return given


def test_runs_judged_from_given_predictions_are_compared(runs, tmp_path):
    given = judged_elsewhere(runs[0], tmp_path)
    jobs.run_stage("evaluate", runs[0], predictions=given, n_replicates=20)
    (RunDirectory(runs[0]) / "stages/train_classifier.baseline.json").unlink()
    jobs.run_stage("compare", tmp_path / "out", runs=runs[:1], n_replicates=20)
    table = pd.read_csv(tmp_path / "out/compare.csv")
    assert set(table["arm"]) == {"baseline", "augmented"}


def test_faults_are_named(runs, tmp_path):
    out, truth = tmp_path / "out", f"{runs[0]}/catalog.csv"
    with pytest.raises(ValueError, match="nothing to compare"):
        jobs.run_stage("compare", out)
    with pytest.raises(ValueError, match="where the truth lies: --data or --runs"):
        jobs.run_stage("compare", out, predictions={"a": "absent.csv"})
    with pytest.raises(FileNotFoundError, match="absent.csv, .*gone.csv"):
        arms = {"a": "absent.csv", "b": ["gone.csv"]}
        jobs.run_stage("compare", out, predictions=arms, data=truth)
    with pytest.raises(
        ValueError, match="Received the same of .*baseline_ensemble_test"
    ):
        jobs.run_stage("compare", out, runs=[runs[0], runs[0]])
    copy = tmp_path / "copy.csv"
    copy.write_bytes(
        (RunDirectory(runs[0]) / "predictions/baseline_ensemble_test.csv").read_bytes()
    )
    with pytest.raises(ValueError, match="Received the same of baseline: .*copy.csv"):
        jobs.run_stage("compare", out, runs=runs, predictions={"baseline": str(copy)})
    with pytest.raises(ValueError, match="reference='control'"):
        jobs.run_stage("compare", out, runs=runs, reference="control")
    (tmp_path / "bad.csv").write_text("isic_id,MEL,NV\nx,1,0\n")
    with pytest.raises(ValueError, match=r"bad.csv does not fit(.|\n)*line 2 \(x\)"):
        jobs.run_stage(
            "compare", out, runs=runs, predictions={"bad": str(tmp_path / "bad.csv")}
        )


def test_evaluate_writes_metrics_gaps_conformal_sets_and_curves(runs):
    run = RunDirectory(runs[0])
    train_arm(run, run.catalog, "augmented", 1.5, seed=1, n_synthetic=5)
    jobs.run_stage("evaluate", run.path, n_replicates=100, stratified=True)
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["verdict"].startswith("augmented is better than baseline")
    assert set(metrics["arms"]["baseline"]["operating_points"]) == {"0.9", "0.95"}
    assert metrics["tests"]["augmented"]["delong"]["p_value"] < 0.05
    assert metrics["tests"]["augmented"]["mcnemar"]["only_arm"] > 0
    strata = {one["stratum"] for one in metrics["arms"]["baseline"]["strata"]}
    assert strata == {
        "all",
        "tone_group",
        "sex",
        "age_band",
        "contrast_band",
        "photograph_colour",
        "tone_group x sex",
    }
    gaps = pd.read_csv(run / "disparities.csv")
    assert {"sensitivity", "equalised_odds", "equalised_odds_at_90"} <= set(gaps["gap"])
    found = pd.read_csv(run / "gaps.csv")
    assert found.columns.tolist() == ["arm", *GAP_COLUMNS]
    dark = found[(found["stratum"] == "tone_group") & (found["group"] == "dark")]
    assert dark["raw_reason"].str.startswith("too few to judge").all()
    assert dark["smallest_gap"].isna().all()
    needed = dark["n_needed"].dropna()
    assert len(needed) and (needed >= 10).all()
    of_sex = found[(found["stratum"] == "sex") & (found["metric"] == "auc")]
    assert of_sex["standardised"].notna().all()
    assert (of_sex["mix"] == "age band").all()
    selective = pd.read_csv(run / "selective.csv").set_index(["arm", "group"])
    assert selective.loc[("augmented", "all"), "coverage"] > 0.8
    assert (run / "conformal/baseline.json").is_file()
    curves = pd.read_csv(run / "decision_curves.csv")
    assert {"net_benefit", "treat_all", "treat_none"} <= set(curves)
    for name in ("roc", "reliability", "net_benefit", "forest", "forest_others"):
        assert (run / f"figures/{name}.png").is_file()


def test_every_arm_of_the_task_is_judged(runs, capsys):
    run = RunDirectory(runs[0])
    strength = {"baseline": 0.3, "augmented": 1.0, "copies": 2.0}
    for arm in strength:
        train_arm(run, run.catalog, arm, strength[arm], seed=1)
    train_arm(run, run.catalog, "binary", 1.0, seed=1, task="melanoma")
    jobs.run_stage("evaluate", run.path, n_replicates=50)
    assert "binary is not judged: its task is melanoma" in capsys.readouterr().out
    metrics = json.loads((run / "metrics.json").read_text())
    assert list(metrics["arms"]) == ["baseline", "augmented", "copies"]
    assert (
        set(metrics["differences"]) == set(metrics["tests"]) == {"augmented", "copies"}
    )
    assert metrics["chosen_arm"] == "copies"
    for key in ("members", "validation_macro_auc", "temperature"):
        assert set(metrics[key]) == set(strength)
    assert metrics["verdict"].startswith("Nothing was compared between augmented and")
    assert "copies is better than baseline" in metrics["verdict"]
    for name in ("metrics", "disparities", "gaps", "selective", "decision_curves"):
        assert set(pd.read_csv(run / f"{name}.csv")["arm"]) == set(strength)
    facts = json.loads((run / "arms/copies/ensemble.json").read_text())
    assert facts["conformal"]["alpha"] == 0.1
    assert facts["photograph_colour"]["rule"] == "quadrant"


def test_one_trained_arm_is_judged_alone(evaluated_run, tmp_path):
    run = RunDirectory(shutil.copytree(evaluated_run, tmp_path / "run"))
    before = pd.read_csv(run / "metrics.csv").set_index("arm").loc["baseline"]
    (run / "stages/train_classifier.augmented.json").unlink()
    shutil.rmtree(run / "arms/augmented")
    jobs.run_stage("evaluate", run.path, n_replicates=50)
    metrics = json.loads((run / "metrics.json").read_text())
    assert list(metrics["arms"]) == ["baseline"] and metrics["differences"] == {}
    assert metrics["verdict"].startswith("baseline is judged alone")
    found = pd.read_csv(run / "metrics.csv").set_index("arm").loc["baseline"]
    columns = ["stratum", "metric", "value", "value_low", "value_high"]
    pd.testing.assert_frame_equal(found[columns], before[columns])
    report(run.path)
    shown = (run / "report.html").read_text()
    assert "baseline is judged alone" in shown
    assert "How well is dermoscopy classified?" in shown


def test_predictions_of_any_number_of_arms_are_judged(runs, tmp_path):
    given = judged_elsewhere(runs[0], tmp_path)
    given = {"mine": given["baseline"], "torch": given["augmented"]}
    copy = tmp_path / "other.csv"
    copy.write_bytes((tmp_path / "augmented.csv").read_bytes())
    given["other"] = str(copy)
    with pytest.raises(ValueError, match="for the reference, baseline.*Received"):
        jobs.run_stage("evaluate", runs[0], predictions=given, n_replicates=20)
    options = {"predictions": given, "reference": "mine", "n_replicates": 20}
    jobs.run_stage("evaluate", runs[0], **options)
    metrics = json.loads((RunDirectory(runs[0]) / "metrics.json").read_text())
    assert metrics["reference"] == "mine"
    assert set(metrics["verdicts"]) == {"torch", "other"}
    differences = metrics["differences"]
    assert differences["torch"] == differences["other"]
    found = pd.read_csv(f"{runs[0]}/predictions/torch_ensemble_test.csv")
    known = pd.read_csv(tmp_path / "augmented.csv").tail(len(found))
    pd.testing.assert_frame_equal(found, known.reset_index(drop=True))


def test_arms_of_runs_are_all_that_were_judged(runs, tmp_path):
    for run in runs[:2]:
        folder = RunDirectory(run) / "predictions"
        for split in ("val", "test"):
            frame = pd.read_csv(folder / f"augmented_ensemble_{split}.csv")
            frame["MEL"] /= 2
            frame["NV"] = 1 - frame["MEL"]
            write_csv(folder / f"gan_ensemble_{split}.csv", frame)
    jobs.run_stage("compare", tmp_path / "out", runs=runs, n_replicates=20)
    found = json.loads((tmp_path / "out/compare.json").read_text())
    assert found["n_seeds"] == {"baseline": 3, "augmented": 3, "gan": 2}
