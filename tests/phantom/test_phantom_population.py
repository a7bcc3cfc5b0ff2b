"""Patients, lesions and frequencies."""

import pandas as pd
import pytest

from keras_derm.phantom import (
    DIAGNOSIS_FREQUENCIES,
    TONE_FREQUENCIES,
    population,
)


@pytest.fixture(scope="module")
def archive():
    return population(6000, 1)


def test_archive_is_as_biased_as_archives(archive):
    tones = archive["fitzpatrick_skin_type"].value_counts(normalize=True)
    assert tones[["I", "II", "III"]].sum() > 0.80
    assert tones[["V", "VI"]].sum() < 0.08
    assert 0.05 < (archive["diagnosis"] == "MEL").mean() < 0.15


@pytest.mark.parametrize("choice", ["archive", "balanced"])
def test_prevalence_matches_the_parameters(choice):
    table = population(6000, 3, choice, choice)
    patients = table.drop_duplicates("patient_id")["fitzpatrick_skin_type"]
    lesions = table.drop_duplicates("lesion_id")["diagnosis"]
    for values, wanted in (
        (patients, TONE_FREQUENCIES[choice]),
        (lesions, DIAGNOSIS_FREQUENCIES[choice]),
    ):
        share = values.value_counts(normalize=True)
        for name, frequency in wanted.items():
            sigma = (frequency * (1 - frequency) / len(values)) ** 0.5
            assert share.get(name, 0) == pytest.approx(frequency, abs=4 * sigma)


def test_own_weights():
    table = population(500, 3, {"V": 1, "VI": 3}, {"MEL": 1})
    assert set(table["fitzpatrick_skin_type"]) == {"V", "VI"}
    assert set(table["diagnosis"]) == {"MEL"}


def test_longer_data_set_begins_with_the_shorter():
    pd.testing.assert_frame_equal(population(40, 5), population(500, 5).iloc[:40])


def test_patients_have_several_images_and_lesions_several_views(archive):
    images = archive.groupby("patient_id").size()
    views = archive.groupby("lesion_id").size()
    assert images.max() >= 4 and views.max() >= 2 and archive["isic_id"].is_unique
    for column in ("fitzpatrick_skin_type", "sex", "age_approx", "melanin_fraction"):
        assert (archive.groupby("patient_id")[column].nunique() == 1).all()
    assert (archive.groupby("lesion_id")["patient_id"].nunique() == 1).all()
    assert (archive.groupby("lesion_id")["diagnosis"].nunique() == 1).all()
    assert archive["age_approx"].between(5, 85).all()


@pytest.mark.parametrize(
    "tones, diagnoses",
    [("even", "archive"), ({"VII": 1}, "archive"), ("archive", {"MEL": -1}),
     ("archive", {"MEL": 0})],
)  # fmt: skip
def test_bad_frequencies_are_refused_with_the_choices(tones, diagnoses):
    with pytest.raises(ValueError, match="(?s)frequencies must.*Received"):
        population(10, 1, tones, diagnoses)
