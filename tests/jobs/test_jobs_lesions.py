"""Lesions by two photographs and a table: trained, judged, reported, refused."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics

from keras_derm import jobs
from keras_derm.catalog import DERMOSCOPIC, Catalog, Lesions
from keras_derm.files import read_json
from keras_derm.jobs.report import report

DATA = "phantom:n=60,seed=3,size=64,diagnoses=balanced,pairs=true"
BOTH = ["dermoscopic", "clinical: close-up"]
ARMS = ("dermoscopic", "both_and_table")
SMALL = {
    "backbone": "CustomCNN",
    "epochs": 1,
    "batch_size": 16,
    "hidden_units": 8,
    "table_units": 4,
    "flips": False,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_DERM_CACHE", str(tmp_path_factory.mktemp("pairs")))
        yield judged_run(tmp_path_factory.mktemp("lesions") / "run")


def judged_run(folder):
    jobs.run_stage("audit_skin_tone", folder, data=DATA, image_types=BOTH)
    jobs.run_stage("prepare_dataset", folder, image_size=16, preset="cwgan_gp")
    jobs.run_stage("train_lesion_classifier", folder, arms=ARMS, **SMALL)
    jobs.run_stage("evaluate", folder, reference="dermoscopic", n_replicates=50)
    report(str(folder))
    return folder


def predictions(run, arm, split="test"):
    csv = run / f"lesions/{arm}/predictions/ensemble_{split}.csv"
    return pd.read_csv(csv).set_index("isic_id")


def test_every_lesion_is_predicted_once_under_its_first_photograph(run):
    lesions = Lesions.of(Catalog.load(run / "catalog.csv"))
    for arm in ARMS:
        for split in ("val", "test"):
            expected = lesions.split(split).catalog.table
            assert expected["lesion_id"].is_unique
            assert set(expected["image_type"]) == {DERMOSCOPIC}
            found = predictions(run, arm, split)
            assert found.index.tolist() == expected["isic_id"].tolist()
            np.testing.assert_allclose(found.sum(axis=1), 1)


def test_photographs_of_a_lesion_are_in_one_part(run):
    table = Catalog.load(run / "catalog.csv").table
    assert table["image_type"].value_counts().tolist() == [60, 60]
    assert table.groupby("lesion_id")["split"].nunique().max() == 1


def test_figures_are_of_lesions_and_those_of_scikit_learn(run):
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["judged"] == "lesions"
    for arm in ARMS:
        found = predictions(run, arm)
        diagnosis = Catalog.load(run / "catalog.csv").table.set_index("isic_id")
        truth = diagnosis.loc[found.index, "diagnosis"]
        called = found.columns[found.to_numpy().argmax(axis=1)]
        overall = metrics["arms"][arm]["strata"][0]
        assert overall["n"] == len(found)
        expected = sklearn.metrics.f1_score(truth, called, average="macro")
        assert overall["metrics"]["macro_f1"]["value"] == pytest.approx(expected)


def test_what_the_network_needs_stands_beside_it(run):
    facts = read_json(run / "lesions/both_and_table/lesion_classifier.json", (), "")
    assert facts["inputs"] == ["dermoscopic", "close_up", "table"]
    assert facts["classes"] == list(predictions(run, "both_and_table").columns)
    columns = [one["column"] for one in facts["table"]["words"]]
    assert columns == ["sex", "anatom_site_general"]
    alone = read_json(run / "lesions/dermoscopic/lesion_classifier.json", (), "")
    assert alone["table"] is None


def test_report_says_what_was_given_and_judged(run):
    text = (run / "report.html").read_text()
    assert "Does a second photograph help" in text
    assert "dermoscopic is given the dermoscopic photograph" in text
    assert "macro F1" in text


def test_done_is_done_and_the_config_repeats_it(run, capsys):
    jobs.run_stage("train_lesion_classifier", run, arms=ARMS, **SMALL)
    assert "already done" in capsys.readouterr().out
    assert "train_lesion_classifier" in (run / "config.yaml").read_text()


def test_reference_must_be_one_of_the_arms(run):
    with pytest.raises(ValueError, match="--reference dermoscopic.*Rec.*'baseline'"):
        jobs.run_stage("evaluate", run)


def test_an_archive_of_one_type_is_refused(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run, folder, ignore=shutil.ignore_patterns("lesions"))
    (folder / "stages/train_lesion_classifier.json").unlink()
    catalog = Catalog.load(run / "catalog.csv").where(image_type=DERMOSCOPIC)
    catalog.save(folder / "catalog.csv")
    with pytest.raises(ValueError, match="--image_types.*Received: arms close_up"):
        jobs.run_stage("train_lesion_classifier", folder, arms=["close_up"], **SMALL)
    assert not (folder / "lesions").exists()


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"arms": []}, "`arms` must name some of dermoscopic, close_up, both"),
        ({"columns": []}, "needs `columns` or `photograph_columns`"),
        ({"arms": ["table"]}, "must be one of dermoscopic, close_up, both"),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path, settings, message):
    with pytest.raises(ValueError, match=f"{message}.*Received"):
        jobs.run_stage("train_lesion_classifier", tmp_path / "run", **settings)


def test_probes_are_fitted_in_place_of_networks(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run, folder, ignore=shutil.ignore_patterns("lesions"))
    (folder / "stages/train_lesion_classifier.json").unlink()
    jobs.run_stage(
        "train_lesion_classifier",
        folder,
        arms=ARMS,
        probed_networks=[
            {"backbone": "EfficientNetLite0", "pooled_layers": ["block2b_add"]}
            | {"image_size": 32}
        ],
        weights="imagenet",
    )
    for arm in ARMS:
        assert (folder / f"lesions/{arm}/model.keras").is_file()
        assert not predictions(folder, arm).equals(predictions(run, arm))
    assert not list((folder / "lesions").glob("*.npy"))
    with pytest.raises(ValueError, match="SmallResNet has no ImageNet weights"):
        jobs.run_stage(
            "train_lesion_classifier",
            folder,
            probed_networks=[{"backbone": "SmallResNet"}],
            weights="imagenet",
        )
