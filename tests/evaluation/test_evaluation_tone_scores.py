"""Figures of tone estimates, held against scikit-learn and a published table."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from keras_derm.evaluation import (
    ToneTruth,
    intraclass_correlation,
    repeatability,
    tone_scores,
    weighted_kappa,
)


@pytest.fixture
def labels():
    """MILK10k classes of 300 lesions, two photographs each."""
    generator = np.random.default_rng(0)
    drawn = generator.choice(list("012345"), 300, p=[0.05, 0.1, 0.15, 0.4, 0.2, 0.1])
    return np.repeat(drawn, 2)


def estimates(values, labels, groups, scale):
    return pd.DataFrame(
        {"value": values, "label": labels, "group": groups, "scale": scale}
    )


def figures(table):
    return table.set_index("metric")["value"]


def test_figures_of_an_estimator_on_the_scale_of_the_labels(labels):
    generator = np.random.default_rng(1)
    truth = ToneTruth(labels, "milk10k", np.arange(600) // 2)
    values = (truth.ranks + generator.normal(0, 1, 600)).clip(0, 5)
    told = 5 - values.round().astype(int)
    groups = np.where(told <= 1, "dark", np.where(told >= 4, "light", "medium"))
    found = tone_scores(
        truth, estimates(values, told.astype(str), groups, "milk10k"), n_replicates=200
    )
    classes = labels.astype(int)
    value = figures(found)
    assert value["kappa"] == pytest.approx(
        cohen_kappa_score(classes, told, weights="quadratic")
    )
    assert value["AUC 0-1 against the rest"] == pytest.approx(
        roc_auc_score(classes <= 1, values)
    )
    kept = (classes <= 2) | (classes >= 4)
    assert value["AUC 0-2 against 4-5"] == pytest.approx(
        roc_auc_score(classes[kept] <= 2, values[kept])
    )
    assert value["exact"] == pytest.approx(np.mean(told == classes))
    assert value["within one"] == pytest.approx(np.mean(abs(told - classes) <= 1))
    assert value["group known"] == 1
    inside = found[~found["metric"].isin(["measured", "group known"])]
    assert inside["low"].lt(inside["value"]).all()
    assert inside["high"].gt(inside["value"]).all()


def test_angles_are_judged_by_order_and_by_group_alone(labels):
    truth = ToneTruth(labels, "milk10k", np.arange(600) // 2)
    angles = 60.0 - 15 * truth.ranks
    angles[:6] = np.nan
    types = np.array(["I", "II", "III", "IV", "V", "VI"], object)[truth.ranks]
    types[:6] = None
    groups = np.array(["light", "medium", "dark"], object)[truth.tone_groups]
    found = tone_scores(truth, estimates(angles, types, groups, "ita"), 100)
    value = figures(found)
    assert value["Spearman"] == pytest.approx(1)
    assert value["group right"] == 1
    assert value["measured"] == pytest.approx(594 / 600)
    assert not {"kappa", "exact", "within one"} & set(value.index)


def test_a_side_of_four_photographs_has_no_auc():
    labels = np.array(["0"] * 4 + ["4"] * 30)
    truth = ToneTruth(labels, "milk10k", np.arange(34))
    found = tone_scores(truth, estimates(np.arange(34.0), "4", None, "milk10k"), 50)
    row = found.set_index("metric").loc["AUC dark against light"]
    assert np.isnan(row["value"])
    assert row["reason"] == "too few to judge"


def test_kappa_of_one_label_alone_is_not_defined():
    assert np.isnan(weighted_kappa(np.zeros(9, int), np.zeros(9, int), 6))


def test_intraclass_correlation_of_the_published_table():
    """Shrout and Fleiss (1979), table 2: six targets, four judges, ICC(1,1) 0.17."""
    judged = [9, 2, 5, 8, 6, 1, 3, 2, 8, 4, 6, 8, 7, 1, 2, 6, 10, 5, 6, 9, 6, 2, 4, 7]
    assert intraclass_correlation(judged, np.arange(24) // 4) == pytest.approx(
        0.1657, abs=1e-4
    )


def test_equal_photographs_of_a_lesion_repeat_exactly():
    values = np.repeat(np.random.default_rng(0).normal(size=40), 3)
    row = repeatability(values, np.arange(120) // 3, n_replicates=50)
    assert row["value"] == pytest.approx(1)
    assert row["n"] == 120


def test_photographs_that_share_nothing_do_not_repeat():
    values = np.random.default_rng(0).normal(size=2000)
    row = repeatability(values, np.arange(2000) // 2, n_replicates=200)
    assert row["low"] < 0 < row["high"]


def test_lesions_with_one_photograph_say_nothing_of_repeating():
    assert np.isnan(intraclass_correlation([1.0, 2.0, np.nan], ["a", "b", "b"]))
