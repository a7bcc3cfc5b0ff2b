"""counterfactual_tone.py on arms of a run and on models given, phantom and real."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from keras_derm import jobs
from keras_derm.catalog import Catalog
from keras_derm.jobs.predictor import Predictor
from keras_derm.report.run_report import write_report
from keras_derm.runs import RunDirectory
from keras_derm.runs.records import Record
from keras_derm.settings import (
    CounterfactualToneSettings,
    EvaluateSettings,
    SettingsError,
)

SAVED = Path(__file__).parents[2] / "saved_models"
SHIPPED = SAVED / "ham10000_mobilenetv2.tflite"


def read(run, name):
    return pd.read_csv(run / "counterfactual_tone" / name)


def summary(run):
    return json.loads((run / "counterfactual_tone/summary.json").read_text())


@pytest.fixture(scope="module")
def run(evaluated_run, tmp_path_factory):
    run = tmp_path_factory.mktemp("tone") / "run"
    shutil.copytree(evaluated_run, run)
    jobs.run_stage(
        "counterfactual_tone", run, steps=[-30.0], n_photographs=4, n_replicates=50
    )
    return run


def test_ensemble_and_members_are_asked_about_test_images(run):
    said = read(run, "predictions.csv")
    assert set(said["model"]) == {"ensemble", "first", "second"}
    test = Catalog.load(run / "catalog.csv").split("test").table
    assert len(set(said["isic_id"])) == 4
    assert set(said["isic_id"]) <= set(test["isic_id"])


def test_the_photographs_as_they_are_get_the_predictions_of_the_run(run):
    said = read(run, "predictions.csv")
    plain = said[(said["change"] == "photograph") & (said["model"] == "ensemble")]
    arm = summary(run)["model"].split()[1]
    known = pd.read_csv(run / f"predictions/{arm}_ensemble_test.csv")
    known = known.set_index("isic_id").loc[plain["isic_id"]]
    np.testing.assert_allclose(plain[known.columns], known, atol=1e-4)


def test_ensemble_is_the_mean_of_its_members(run):
    said = read(run, "predictions.csv").set_index(["isic_id", "change", "step"])
    by_model = {name: rows["MEL"] for name, rows in said.groupby("model")}
    mean = (by_model["first"] + by_model["second"]) / 2
    np.testing.assert_allclose(by_model["ensemble"], mean, atol=1e-5)


def test_nothing_flips_at_no_step(run):
    zero = summary(run)["zero"]
    assert (zero["n_renamed"], zero["largest"], zero["probability"]) == (0, 0, 0)
    effects = read(run, "effects.csv")
    assert (effects.loc[effects["step"] == 0, "value"].dropna() == 0).all()


def test_threshold_is_the_frozen_one_of_the_run(run):
    metrics = json.loads((run / "metrics.json").read_text())
    points = metrics["arms"][metrics["chosen_arm"]]["operating_points"]
    assert summary(run)["threshold"] == points["0.9"]


def test_phantoms_are_held_against_their_true_renderings(run):
    agreement = read(run, "agreement.csv")
    assert set(agreement["truth"]) == {"true, camera held", "true, camera metered"}
    own = agreement[agreement["step"] == 0]
    errors = own.loc[own["measure"].str.startswith("delta_e"), "value"]
    assert len(errors) and (errors == 0).all()
    assert (run / "figures/counterfactual_truth.png").is_file()


def test_page_and_report_hold_the_section(run):
    html = (run / "counterfactual_tone.html").read_text()
    assert "not a statement about people" in html
    assert "How right the changed photographs are" in html
    assert "What tone alone changes" in write_report(RunDirectory(run)).read_text()


@pytest.mark.slow
def test_a_model_given_is_asked_about_data_given(run, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_DERM_CACHE", str(tmp_path / "cache"))
    catalog = Catalog.load(run / "catalog.csv")
    people = catalog.table["patient_id"]
    order = people.drop_duplicates().tolist()
    parts = dict.fromkeys(order, "val") | dict.fromkeys(order[-3:], "test")
    split = catalog.table[["isic_id"]].assign(split=people.map(parts))
    split.to_csv(tmp_path / "split.csv", index=False)
    jobs.run_stage(
        "counterfactual_tone",
        tmp_path / "given",
        model=str(run / "arms/baseline/ensemble.keras"),
        data=str(run / "catalog.csv"),
        split_file=str(tmp_path / "split.csv"),
        steps=[-15.0],
        n_replicates=20,
    )
    found = summary(tmp_path / "given")
    is_val = split["split"].eq("val").to_numpy()
    assert found["n"] == (~is_val).sum()
    assert "the model did not learn from them" in found["origin"]
    known = catalog.where(is_val).where(diagnosis="MEL")
    assert found["threshold_fitted_on"] == f"{len(known)} validation images of MEL"
    rows, _ = Predictor(run / "arms/baseline/ensemble.keras").rows(known.paths)
    scores = sorted((row["MEL"] for row in rows), reverse=True)
    needed = int(np.ceil(0.9 * len(scores) - 1e-9))
    assert found["threshold"] == pytest.approx(scores[needed - 1], abs=1e-5)


@pytest.mark.slow
def test_what_a_model_learned_from_is_not_made_up(run, tmp_path):
    jobs.run_stage(
        "counterfactual_tone",
        tmp_path / "given",
        model=str(SHIPPED),
        data=str(run / "catalog.csv"),
        steps=[-15.0],
        n_photographs=2,
        n_replicates=20,
    )
    found = summary(tmp_path / "given")
    assert "is not known here" in found["origin"]
    assert found["threshold"] is None
    assert "gained" not in set(read(tmp_path / "given", "effects.csv")["effect"])


def test_arm_whose_model_is_elsewhere_is_refused(run, tmp_path):
    again = tmp_path / "run"
    shutil.copytree(run, again)
    given = {"baseline": "a.csv", "augmented": "b.csv"}
    Record(EvaluateSettings(predictions=given)).write(
        again / "stages/evaluate.json", 0.0
    )
    with pytest.raises(ValueError, match="give it as --model"):
        jobs.run_stage("counterfactual_tone", again)


def test_a_run_that_was_not_evaluated_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="no finished stage 'evaluate'"):
        jobs.run_stage("counterfactual_tone", tmp_path)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"data": "phantom:n=2,seed=1"}, "`data` is for a model given"),
        ({"model": "a.tflite", "split_file": "a.csv"}, "`split_file` needs `data`"),
        ({"steps": []}, "different numbers, none 0"),
        ({"steps": [-30, -30]}, "different numbers, none 0"),
        ({"steps": [0]}, "different numbers, none 0"),
        ({"steps": [-100]}, "greater than or equal to -90"),
        ({"threshold": 1.5}, "less than 1"),
    ],
)
def test_settings_that_cannot_be_are_refused(options, message):
    with pytest.raises(SettingsError, match=message):
        CounterfactualToneSettings.from_dict(options)


@pytest.mark.real_data
def test_the_shipped_model_flips_nothing_at_no_step(part_of_ham10000, tmp_path):
    split = pd.read_csv(SAVED / "ham10000_split.csv").set_index("isic_id")["split"]
    folder = part_of_ham10000(lambda ids: ids[::100])
    laid_out = pd.read_csv(folder / "HAM10000_metadata.csv")["image_id"]
    split[laid_out].rename_axis("isic_id").to_csv(tmp_path / "split.csv")
    jobs.run_stage(
        "counterfactual_tone",
        tmp_path / "run",
        model=str(SHIPPED),
        data=f"ham10000:{folder}",
        split_file=str(tmp_path / "split.csv"),
        steps=[-45.0],
        threshold=0.1,
        n_photographs=10,
        n_replicates=20,
    )
    said = read(tmp_path / "run", "predictions.csv")
    assert (split[said["isic_id"].unique()] == "test").all()
    zero = summary(tmp_path / "run")["zero"]
    assert (zero["n_renamed"], zero["largest"]) == (0, 0)
    darker = said[said["change"].eq("melanin") & said["step"].eq(-45)]
    assert (darker["lightness_change"] < -8).all()
