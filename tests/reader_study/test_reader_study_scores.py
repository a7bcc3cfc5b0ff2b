import numpy as np
import pandas as pd
import pytest
from simulated_answers import write_answers

from keras_derm.catalog import Catalog
from keras_derm.reader_study import (
    KEPT,
    REAL,
    SCREENED_OUT,
    SimulatedReaders,
    beside_screening,
    labelled_catalog,
    read_answers,
    score,
    score_agreement,
    score_readers,
)


@pytest.fixture
def answered(study_and_shown, tmp_path):
    study, shown = study_and_shown
    paths = write_answers(study, shown, tmp_path, SimulatedReaders(1.5))
    return study, read_answers(paths, study), pd.DataFrame(shown)


def figure(scores, quantity, axis="all", level="all"):
    (row,) = scores[
        (scores["quantity"] == quantity)
        & (scores["axis"] == axis)
        & (scores["level"] == level)
    ].to_dict("records")
    return row


def say(answers, question, value_of):
    """Have all readers say what a function of the row says."""
    rows = answers["question"] == question
    values = answers.loc[rows].apply(value_of, axis=1)
    return answers.assign(value=answers["value"].mask(rows, values))


def test_accuracy_and_auc_are_those_of_the_answers(answered):
    _, answers, shown = answered
    scores = score(answers, shown)
    origin = answers[
        answers["question"].eq("origin")
        & answers["showing"].eq("first")
        & answers["kind"].isin([REAL, KEPT])
    ]
    levels, made = origin["value"].astype(int), origin["kind"] == KEPT
    right = (levels > 3) == made
    accuracy = figure(scores, "origin: accuracy")
    assert accuracy["value"] == pytest.approx(right.mean())
    assert accuracy["low"] < accuracy["value"] < accuracy["high"]
    assert accuracy["n_images"] == 100 and accuracy["n_readers"] == 4
    areas = []
    for _, own in origin.groupby("reader"):
        level, is_made = own["value"].astype(int).to_numpy(), (own["kind"] == KEPT)
        apart = np.subtract.outer(level[is_made], level[~is_made])
        areas.append(np.mean((np.sign(apart) + 1) / 2))
    assert figure(scores, "origin: AUC")["value"] == pytest.approx(np.mean(areas))


def test_readers_who_are_always_right(answered):
    _, answers, shown = answered
    answers = say(answers, "origin", lambda row: "1" if row["kind"] == REAL else "6")
    found = figure(score(answers, shown), "origin: accuracy")
    assert found["value"] == 1 and np.isnan(found["low"])
    assert found["reason"] == "no interval: every answer is alike"


def test_groups_are_scored_beside_each_other(answered):
    _, answers, shown = answered
    dark = set(shown.loc[shown["tone_group"] == "dark", "item"])
    answers = say(
        answers,
        "origin",
        lambda row: "1" if (row["kind"] == REAL) == (row["item"] in dark) else "6",
    )
    scores = score(answers, shown)
    assert figure(scores, "origin: AUC", "tone_group", "dark")["value"] == 1
    assert figure(scores, "origin: AUC", "tone_group", "light")["value"] == 0
    generator = figure(scores, "origin: AUC", "generator", "sngan")
    assert generator == figure(scores, "origin: AUC") | {
        "axis": "generator",
        "level": "sngan",
    }


def test_a_group_of_few_images_is_not_judged(answered):
    _, answers, shown = answered
    rare = shown.index[shown["kind"] == KEPT][:3]
    shown.loc[rare, "diagnosis"] = "VASC"
    found = figure(score(answers, shown), "origin: AUC", "diagnosis", "VASC")
    assert np.isnan(found["value"]) and found["reason"].startswith("too few to judge")


def test_nothing_wrong_counts_as_no_fault(answered):
    _, answers, shown = answered
    fully = say(answers, "plausibility", lambda row: "5")
    fully = fully[fully["question"] != "faults"]
    name = "fault named: border, synthetic"
    assert score(fully, shown)["quantity"].eq(name).sum() == 0
    one = answers[answers["question"] == "faults"].index[0]
    kept = answers["question"].ne("faults") | (answers.index == one)
    answers = answers[kept].copy()
    answers.at[one, "value"] = ("border",)
    scores = score(answers, shown)
    total = sum(
        figure(scores, f"fault named: border, {kind}")["value"]
        * figure(scores, f"fault named: border, {kind}")["n_images"]
        for kind in ("photographs", "synthetic")
    )
    was_shown = answers.loc[one, "kind"] in (REAL, KEPT)
    first = answers.loc[one, "showing"] == "first"
    assert total == pytest.approx(0.25 if was_shown and first else 0)


def test_diagnoses_are_held_against_the_label_and_the_wish(answered):
    _, answers, shown = answered
    truth = shown.set_index("item")["diagnosis"]
    answers = say(
        answers,
        "diagnosis",
        lambda row: truth[row["item"]] if row["kind"] == REAL else "cannot say",
    )
    scores = score(answers, shown)
    assert figure(scores, "diagnosis as labelled, photographs")["value"] == 1
    wish = "diagnosis as asked of the generator, synthetic"
    assert figure(scores, wish)["value"] == 0


def test_preparation_is_judged_with_what_guessing_gives(answered):
    _, answers, shown = answered
    steps = answers.loc[answers["question"] == "preservation", "step"].unique()
    lost = set(steps[:12])  # a quarter of four readers' twelve pairs
    answers = say(
        answers,
        "preservation",
        lambda row: "prepared lacks" if row["step"] in lost else "same",
    )
    scores = score(answers, shown)
    assert figure(scores, "preparation: signs lacking after it")["value"] == 0.25
    assert figure(scores, "preparation: signs preserved")["value"] == 0.75
    guesses = figure(scores, "preparation: signs lacking before it (guesses)")
    assert guesses["value"] == 0


def test_repeats_are_scored_as_agreement_alone(answered):
    study, answers, shown = answered
    again = answers["showing"] == "repeat"
    first = answers[~again].set_index(["reader", "item", "question"])["value"]
    same = answers.copy()
    same.loc[again, "value"] = [
        first.get(tuple(row), value)
        for *row, value in answers.loc[
            again, ["reader", "item", "question", "value"]
        ].to_numpy()
    ]
    pd.testing.assert_frame_equal(score(same, shown), score(answers, shown))
    found = score_agreement(same, study.questions, n_replicates=10)
    own = found[found["between"] == "one reader's answers"]
    assert set(own["question"]) >= {"origin, certainty", "plausibility", "diagnosis"}
    assert own["value"].eq(1).all()


def test_agreement_between_readers_is_told_of_every_question(answered):
    study, answers, _ = answered
    found = score_agreement(answers, study.questions, n_replicates=10)
    between = found[found["between"] == "readers"].set_index(["question", "measure"])
    kappa = between.loc[("origin, yes or no", "Fleiss kappa")]
    assert 0 < kappa["value"] < 1 and kappa["n"] == 120
    # Tones are drawn at random by these readers: no agreement beyond chance.
    assert abs(between.loc[("tone", "Krippendorff alpha"), "value"]) < 0.1
    assert between.loc[("preservation", "Fleiss kappa"), "n"] == 12


def test_readers_reject_what_screening_rejects_or_not(answered):
    _, answers, shown = answered
    answers = say(
        answers, "plausibility", lambda row: "1" if row["kind"] == SCREENED_OUT else "4"
    )
    table = beside_screening(answers, shown).set_index("screening")
    assert table.loc["kept", ["images", "rejected"]].tolist() == [40, 0]
    assert table.loc["screened out", ["images", "rejected"]].tolist() == [20, 1]
    reasons = [name for name in table.index if name.startswith("screened out for")]
    assert reasons == [
        "screened out for colours",
        "screened out for texture (GLCM)",
        "screened out for near copy",
    ]
    assert table.loc[reasons, "images"].tolist() == [10, 10, 10]
    nothing = shown[shown["kind"] != SCREENED_OUT]
    assert beside_screening(answers, nothing).empty


def test_who_does_not_look_is_seen(study_and_shown, tmp_path):
    study, shown = study_and_shown
    attentive = list(study.series)[1:]
    paths = write_answers(study, shown, tmp_path, attentive=attentive)
    table = score_readers(read_answers(paths, study)).set_index("reader")
    assert table.loc[attentive, "checks"].eq(2).all()
    careless = table.loc[list(study.series)[0]]
    assert careless["checks"] == 0 and careless["n_checks"] == 2
    assert table["pictures"].eq(156).all() and table["seconds"].between(2, 9).all()


@pytest.mark.parametrize(
    "given, label, group",
    [
        (["9", "9", "8", "2"], "8", "dark"),
        (["3", "4", "3", "cannot say"], "3", "light"),
    ],
)
def test_tones_become_labels_that_a_catalog_takes(
    answered, tmp_path, given, label, group
):
    study, answers, _ = answered
    (tmp_path / "a.jpg").write_bytes(b"")
    table = pd.DataFrame({"isic_id": [f"R{i}" for i in range(60)], "path": "a.jpg"})
    table = table.assign(diagnosis="NV", tone_group="medium", tone_source="network")
    said = dict(zip(study.series, given, strict=True))
    answers = say(answers, "tone", lambda row: said[row["reader"]])
    found = labelled_catalog(answers, Catalog(table, tmp_path), "monk", study)
    found.save(tmp_path / "labels.csv")
    read = Catalog.load(tmp_path / "labels.csv").table
    assert len(read) == 60 and set(read["skin_tone_label"]) == {label}
    assert set(read["tone_group"]) == {group} and set(read["tone_source"]) == {"label"}
    n = 4 - given.count("cannot say")
    rater = f"reader study {study.name}, {n} readers"
    assert set(read["skin_tone_rater"]) == {rater}
    assert set(read["skin_tone_labels"]) == {
        " ".join(g for g in given if g != "cannot say")
    }
