import dataclasses

import numpy as np
import pandas as pd
import pytest

from keras_derm.evaluation import ConformalSets, fit_conformal, selective_table

CLASSES = ("MEL", "NV", "BCC")


def example(n, seed, worse_on="dark"):
    """A classifier that is sure of itself and wrong more often on one group."""
    generator = np.random.default_rng(seed)
    y_true = generator.choice(3, n, p=[0.2, 0.6, 0.2])
    group = generator.choice(["bright", "middle", "dark"], n, p=[0.6, 0.3, 0.1])
    strength = np.where(group == worse_on, 0.5, 2.5)
    logits = generator.normal(size=(n, 3))
    logits[np.arange(n), y_true] += strength
    y_prob = np.exp(2 * logits)
    return y_true, y_prob / y_prob.sum(axis=1, keepdims=True), group


def coverage(sets, y_true, y_prob, group):
    member = sets.predict(y_prob, group)
    held = member[np.arange(len(y_true)), y_true]
    return {one: held[group == one].mean() for one in np.unique(group)}


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.2])
def test_every_group_has_the_promised_coverage_on_held_out_images(alpha):
    found = []
    for seed in range(60):
        y_true, y_prob, group = example(900, seed)
        sets = fit_conformal(y_true, y_prob, group, CLASSES, alpha)
        sets = dataclasses.replace(sets, class_thresholds={})
        found.append(coverage(sets, *example(5000, seed + 1000)))
    for one in ("bright", "middle", "dark"):
        mean = np.mean([of_seed[one] for of_seed in found])
        # At least 1 - alpha, and not by more than the granularity of 90 images.
        assert 1 - alpha - 0.01 <= mean <= 1 - alpha + 0.02


def test_every_class_and_every_group_has_the_promised_coverage():
    def favouring_nevi(n, seed):
        y_true, y_prob, group = example(n, seed)
        y_prob = y_prob * [1, 20, 1]
        return y_true, y_prob / y_prob.sum(axis=1, keepdims=True), group

    by_class, by_group, alone = [], [], []
    for seed in range(60):
        sets = fit_conformal(*favouring_nevi(900, seed), CLASSES, 0.1)
        y_true, y_prob, group = new = favouring_nevi(5000, seed + 1000)
        names = np.array(CLASSES)[y_true]
        held = sets.predict(y_prob, group)[np.arange(5000), y_true]
        by_class.append([held[names == name].mean() for name in CLASSES])
        by_group.append([*coverage(sets, *new).values()])
        sets = dataclasses.replace(sets, class_thresholds={})
        held = sets.predict(y_prob, group)[np.arange(5000), y_true]
        alone.append([held[names == name].mean() for name in CLASSES])
    assert (np.mean(by_class, axis=0) >= 0.89).all()
    assert (np.mean(by_group, axis=0) >= 0.89).all()
    # Thresholds of the groups alone fail the rare classes.
    assert np.mean(alone, axis=0)[0] < 0.85


def test_a_class_of_few_images_is_promised_nothing_and_says_so():
    y_true, y_prob, group = example(200, seed=0)
    y_true[y_true == 2] = 1
    y_true[:8] = 2
    sets = fit_conformal(y_true, y_prob, group, CLASSES, 0.1)
    assert set(sets.class_thresholds) == {"MEL", "NV"}
    assert sets.n_of_class["BCC"] == 8
    assert sets.unpromised("BCC").startswith("8 validation images, 9 are needed")
    assert sets.unpromised("MEL") == ""


def test_one_threshold_for_all_fails_the_group_that_the_model_fails():
    y_true, y_prob, group = example(5000, seed=0)
    everyone = np.full(len(group), "everyone")
    sets = fit_conformal(y_true, y_prob, everyone, CLASSES, 0.1)
    sets = dataclasses.replace(sets, class_thresholds={})
    y_true, y_prob, group = example(20_000, seed=1)
    member = sets.predict(y_prob, np.full(len(group), "everyone"))
    held = member[np.arange(len(y_true)), y_true]
    assert held.mean() == pytest.approx(0.9, abs=0.01)
    assert held[group == "dark"].mean() < 0.8


def test_a_small_group_takes_the_threshold_of_all_and_says_so():
    y_true, y_prob, _ = example(108, seed=0)
    group = np.repeat(["bright", "dark"], [100, 8])
    sets = fit_conformal(y_true, y_prob, group, CLASSES, alpha=0.1)
    assert "dark" not in sets.thresholds
    assert sets.reasons["dark"].startswith("8 validation images, 9 are needed")
    assert "bright" not in sets.reasons
    of_all = fit_conformal(y_true, y_prob, np.full(108, "x"), CLASSES, alpha=0.1)
    new = sets.predict(y_prob, np.full(108, "dark"))
    assert (new == of_all.predict(y_prob, np.full(108, "x"))).all()


def test_nine_images_are_enough_for_nine_tenths():
    y_prob = np.column_stack([np.arange(1, 10) / 10, 1 - np.arange(1, 10) / 10])
    sets = fit_conformal([0] * 9, y_prob, ["bright"] * 9, ("MEL", "NV"), alpha=0.1)
    assert sets.thresholds["bright"] == pytest.approx(0.1)
    with pytest.raises(ValueError, match="needs 9 validation images"):
        fit_conformal([0] * 8, y_prob[:8], ["bright"] * 8, ("MEL", "NV"), alpha=0.1)
    with pytest.raises(ValueError, match="Received: alpha=0"):
        fit_conformal([0] * 9, y_prob, ["bright"] * 9, ("MEL", "NV"), alpha=0)


def test_abstains_unless_exactly_one_class_is_left():
    sets = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 0, 1]], bool)
    assert ConformalSets.abstain(sets).tolist() == [False, True, True, False]


def test_saved_sets_predict_as_before(tmp_path):
    y_true, y_prob, group = example(300, seed=0)
    group[:5] = "undetermined"
    sets = fit_conformal(y_true, y_prob, group, CLASSES)
    sets.save(tmp_path / "conformal.json")
    assert ConformalSets.load(tmp_path / "conformal.json") == sets


def test_table_gives_coverage_and_accuracy_of_what_was_decided():
    sets = fit_conformal(*example(2000, seed=0), CLASSES)
    y_true, y_prob, group = example(3000, seed=1)
    order = pd.Categorical(group, ["bright", "middle", "dark"])
    table = selective_table(y_true, y_prob, sets, order, n_replicates=200)
    table = table.set_index("group")
    assert list(table.index) == ["all", "bright", "middle", "dark", *CLASSES]
    kinds = ["all", *["group"] * 3, *["class"] * 3]
    assert table["by"].tolist() == kinds
    member = sets.predict(y_prob, group)
    held = member[np.arange(len(y_true)), y_true]
    for index, name in enumerate(CLASSES):
        assert table.loc[name, "coverage"] == held[y_true == index].mean()
    expected = coverage(sets, y_true, y_prob, group)
    member = sets.predict(y_prob, group)
    right = y_prob.argmax(axis=1) == y_true
    for one, held in expected.items():
        row, mask = table.loc[one], group == one
        assert row["coverage"] == pytest.approx(held)
        assert 0.87 < row["coverage_low"] < held < row["coverage_high"] < 0.97
        decided = mask & ~sets.abstain(member)
        assert row["decided"] == pytest.approx(decided.sum() / mask.sum())
        assert row["accuracy"] == pytest.approx(right[decided].mean())
        assert row["set_size"] == pytest.approx(member[mask].sum(axis=1).mean())
    # Where the model is worse it decides less; what it decides, it decides well.
    assert table.loc["dark", "decided"] < table.loc["bright", "decided"]


def test_few_test_images_are_marked_and_have_no_interval_without_width():
    sets = fit_conformal(*example(500, seed=0), CLASSES)
    y_true, y_prob, group = example(100, seed=1)
    group[:] = "bright"
    group[:3] = "new"
    y_prob[:3] = np.eye(3)[y_true[:3]]
    table = selective_table(y_true, y_prob, sets, group, n_replicates=50)
    row = table.set_index("group").loc["new"]
    assert row["coverage"] == 1 and np.isnan(row["coverage_low"])
    assert row["reason"].startswith("too few to judge: images from 3 patients or")
    assert row["reason"].endswith("coverage not guaranteed")
