import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from keras_derm.catalog import Catalog
from keras_derm.jobs.predict import predict
from keras_derm.jobs.recalibrate import recalibrate
from keras_derm.readers import read_data_source

CLASSES = ["MEL", "NV", "BCC"]
DATA = "phantom:n=120,seed=3,size=64"


@pytest.fixture(scope="module")
def model(small_tflite):
    return small_tflite


@pytest.fixture(scope="module")
def clinic(phantoms):
    """Photographs with labels, `Catalog`."""
    return read_data_source(DATA)


@pytest.fixture(scope="module")
def recalibrated(model, clinic, tmp_path_factory):
    """The folder of the copy, and what was printed."""
    folder = tmp_path_factory.mktemp("copy") / "own"
    recalibrate(model, str(folder), DATA)
    return folder


def facts(folder):
    return json.loads((folder / "small.json").read_text())


def rows(model, clinic, output, n=120):
    predict(str(model), [str(path) for path in clinic.paths[:n]], str(output))
    return pd.read_csv(output)


def test_the_copy_says_the_same_and_its_sets_hold_the_truth(
    model, clinic, recalibrated, tmp_path, capsys
):
    before = rows(model, clinic, tmp_path / "before.csv")
    after = rows(recalibrated / "small.tflite", clinic, tmp_path / "after.csv")
    pd.testing.assert_frame_equal(before[CLASSES], after[CLASSES])
    assert before["prediction_set"].isna().all() and before["coverage"].isna().all()
    known = clinic.table["diagnosis"].isin(CLASSES).to_numpy()
    held = [
        truth in members.split("|")
        for truth, members in zip(
            clinic.table["diagnosis"][known],
            after["prediction_set"][known],
            strict=True,
        )
    ]
    assert np.mean(held) >= 0.9
    lesions = clinic.table["lesion_id"][known].nunique()
    assert facts(recalibrated)["recalibrated"]["n"] == lesions < known.sum()


def test_coverage_is_claimed_of_that_clinic_alone(
    clinic, recalibrated, tmp_path, capsys
):
    known = clinic.where(clinic.table["diagnosis"].isin(CLASSES).to_numpy())
    own = rows(recalibrated / "small.tflite", known, tmp_path / "own.csv")
    assert set(own["coverage"]) == {0.9}
    few = rows(recalibrated / "small.tflite", known, tmp_path / "few.csv", 5)
    assert few["coverage"].isna().all()
    assert "5 photographs are too few" in capsys.readouterr().out


def test_what_was_found_is_told(model, clinic, tmp_path, capsys):
    recalibrate(model, str(tmp_path / "own"), DATA)
    told = capsys.readouterr().out
    assert "Left out, of diagnoses that the model does not know" in told
    assert "refitted" in told and "classes in a set" in told
    assert "as they were" not in told  # the model has none
    assert str(Path("own/small.tflite")) in told.replace("\n", "")


def test_fitted_probabilities_are_those_of_the_clinic(model, clinic, tmp_path, capsys):
    recalibrate(model, str(tmp_path / "own"), DATA, probabilities="fitted")
    told = capsys.readouterr().out
    assert "log loss" in told and "stay as they are" not in told
    before = rows(model, clinic, tmp_path / "before.csv")
    after = rows(tmp_path / "own/small.tflite", clinic, tmp_path / "after.csv")
    biases = facts(tmp_path / "own")["class_biases"]
    expected = before[CLASSES] * np.exp([biases[name] for name in CLASSES])
    expected = expected.div(expected.sum(axis=1), axis=0)
    np.testing.assert_allclose(after[CLASSES], expected, atol=1e-5)
    known = clinic.table["diagnosis"].isin(CLASSES).to_numpy()
    share = clinic.table["diagnosis"][known].value_counts(normalize=True)[CLASSES]
    far, near = (
        np.abs(frame[CLASSES][known].mean() - share).max() for frame in (before, after)
    )
    assert near < 0.06 < far
    assert facts(tmp_path / "own")["recalibrated"]["probabilities"] == "fitted"
    highest = after[CLASSES].max(axis=1)[known]
    assert highest.min() < facts(tmp_path / "own")["unsure_below"] < highest.max()


def test_a_copy_is_recalibrated_again_from_what_it_says(model, tmp_path, capsys):
    recalibrate(model, str(tmp_path / "own"), DATA, probabilities="fitted")
    once = facts(tmp_path / "own")["class_biases"]
    copy = str(tmp_path / "own/small.tflite")
    recalibrate(copy, str(tmp_path / "again"), DATA, probabilities="fitted")
    twice = facts(tmp_path / "again")["class_biases"]
    for name in CLASSES:  # the first fit left little, what its penalty held back
        assert twice[name] == pytest.approx(once[name], abs=0.1)
    recalibrate(copy, str(tmp_path / "sets"), DATA)
    assert facts(tmp_path / "sets")["class_biases"] == once
    assert "--probabilities fitted changes them" in capsys.readouterr().out.replace(
        "\n", " "
    )


def test_what_explains_a_model_is_copied_with_it(model, clinic, tmp_path, capsys):
    for file in (Path(model), Path(model).with_suffix(".json")):
        shutil.copy(file, tmp_path)
    (tmp_path / "small.keras").write_bytes(b"weights")
    recalibrate(str(tmp_path / "small.tflite"), str(tmp_path / "own"), DATA)
    copied = {path.name for path in (tmp_path / "own").iterdir()}
    assert copied == {"small.tflite", "small.json", "small.keras"}
    assert (tmp_path / "own/small.keras").read_bytes() == b"weights"


def test_nine_lesions_are_enough(model, clinic, tmp_path, capsys):
    known = clinic.table["diagnosis"].isin(CLASSES).to_numpy()
    first = ~clinic.table["lesion_id"].duplicated().to_numpy() & known
    clinic.where(first & (np.cumsum(first) <= 9)).save(tmp_path / "few.csv")
    recalibrate(model, str(tmp_path / "own"), str(tmp_path / "few.csv"))
    assert facts(tmp_path / "own")["recalibrated"]["n"] == 9
    assert "too few to tell" in capsys.readouterr().out


def test_one_photograph_of_each_lesion_is_taken(model, clinic, tmp_path):
    known = clinic.table["diagnosis"].isin(CLASSES).to_numpy()
    lesions = pd.Series("one", clinic.table.index)
    lesions[np.flatnonzero(known)[:20]] = [f"own{i}" for i in range(20)]
    pairs = Catalog(clinic.table.assign(lesion_id=lesions))
    pairs.save(tmp_path / "catalog.csv")
    recalibrate(model, str(tmp_path / "own"), str(tmp_path / "catalog.csv"))
    assert facts(tmp_path / "own")["recalibrated"]["n"] == 21


def test_what_cannot_be_is_refused_before_anything_is_written(model, clinic, tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(ValueError, match="folder that is not there yet"):
        recalibrate(model, str(tmp_path / "there"), DATA)
    melanomas = (clinic.table["diagnosis"] == "MEL").to_numpy(bool)
    clinic.where(melanomas & (np.cumsum(melanomas) <= 8)).save(tmp_path / "few.csv")
    with pytest.raises(ValueError, match="needs 9 labelled lesions or more"):
        recalibrate(model, str(tmp_path / "own"), str(tmp_path / "few.csv"))
    assert not (tmp_path / "own").exists()
