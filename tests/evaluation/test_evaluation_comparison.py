import json

import numpy as np
import pytest

from keras_derm.evaluation import compare, evaluate

CLASSES = ("MEL", "NV", "BCC")


def probabilities(y_true, strength, seed):
    logits = np.random.default_rng(seed).normal(size=(len(y_true), 3))
    logits[np.arange(len(y_true)), y_true] += strength
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def compare_strengths(before, after, n=800, **options):
    y_true = np.random.default_rng(0).choice(3, n, p=[0.2, 0.6, 0.2])
    return compare(
        y_true,
        probabilities(y_true, before, seed=1),
        probabilities(y_true, after, seed=2),
        CLASSES,
        n_replicates=300,
        **options,
    )


def test_verdict_says_yes_no_and_harm():
    assert (
        compare_strengths(0.5, 1.5)
        .verdict()
        .startswith("The augmented model is better: ")
    )
    assert (
        compare_strengths(1.5, 0.5)
        .verdict()
        .startswith("The augmented model is worse: ")
    )
    none = compare_strengths(1, 1).verdict("auc")
    assert none.startswith("No measurable effect of augmentation: MEL AUC went from ")
    assert "800 real test images" in none


def test_verdict_names_what_moved_the_other_way():
    y_true = np.repeat([0, 1, 2], [200, 400, 200])
    before = probabilities(y_true, 1.0, seed=1)
    after = before * [3, 1, 1]
    after /= after.sum(axis=1, keepdims=True)
    found = compare(y_true, before, after, CLASSES, n_replicates=300)
    verdict = found.verdict("sensitivity")
    assert verdict.startswith(
        "The augmented model is better: MEL sensitivity went from "
    )
    assert "; but " in verdict and "MEL specificity fell (difference -" in verdict


def test_nothing_is_claimed_about_a_small_stratum():
    tone = np.repeat(["I", "VI"], [790, 10])
    found = compare_strengths(0.5, 1.5, strata={"skin_tone": tone})
    verdict = found.verdict(stratum="skin_tone", value="VI")
    assert verdict.startswith("Nothing can be said from 10 real test images")
    assert "too few to judge" in verdict
    with pytest.raises(ValueError, match="Received: stratum='sex'"):
        found.verdict(stratum="sex", value="male")
    with pytest.raises(ValueError, match="Received: metric='kappa'"):
        found.verdict("kappa")


def test_a_model_does_not_differ_from_itself():
    y_true = np.repeat([0, 1, 2], 50)
    y_prob = probabilities(y_true, 1.0, seed=1)
    found = compare(y_true, y_prob, y_prob, CLASSES, n_replicates=50)
    for name, difference in found.differences[0].items():
        assert difference["value"] == 0
        assert np.isnan([difference["low"], difference["p_value"]]).all()
        if name != "expected_calibration_error":
            assert difference["reason"].endswith("every resample gives the same value")
    assert found.verdict().startswith("Nothing can be said from 150 real test images")


def test_a_rare_class_decides_no_verdict():
    """One image of a third class moves balanced accuracy by a third, by chance."""
    y_true = np.repeat([0, 1, 2], [20, 200, 1])
    before = probabilities(y_true[:-1], 1.0, seed=1)
    before, after = (np.vstack([before, last]) for last in ([1, 0, 0], [0, 0, 1]))
    found = compare(y_true, before, after, CLASSES, n_replicates=300, stratified=True)
    difference = found.differences[0]["balanced_accuracy"]
    assert difference["value"] == pytest.approx(1 / 3)
    assert np.isnan([difference["low"], difference["p_adjusted"]]).all()
    rare = np.repeat([0, 1, 2], [20, 200, 4])
    before = np.vstack([before[:-1], [[1, 0, 0]] * 4])
    after = np.vstack([after[:-1], [[0, 0, 1]] * 4])
    found = compare(rare, before, after, CLASSES, n_replicates=300)
    assert found.differences[0]["balanced_accuracy"]["high"] > 0.3
    verdict = found.verdict()
    assert "MEL AUC went from" in verdict and "balanced accuracy rose" not in verdict
    assert verdict.endswith(
        " Balanced accuracy is not judged: too few patients or lesions, 4 of BCC."
    )


def test_pairing_makes_the_interval_narrower():
    y_true = np.random.default_rng(0).choice(3, 800)
    before = probabilities(y_true, 1.0, seed=1)
    after = 0.9 * before + 0.1 * probabilities(y_true, 1.0, seed=2)
    found = compare(y_true, before, after, CLASSES, n_replicates=500)
    paired = found.differences[0]["balanced_accuracy"]
    single = found.baseline.overall["balanced_accuracy"]
    width = single["high"] - single["low"]
    assert paired["high"] - paired["low"] < 0.6 * width


def test_each_model_has_its_own_evaluation_and_threshold():
    y_true = np.repeat([0, 1, 2], 60)
    before = probabilities(y_true, 1.0, seed=1)
    after = probabilities(y_true, 1.5, seed=2)
    found = compare(
        y_true,
        before,
        after,
        CLASSES,
        operating_points_baseline={0.9: 0.3},
        operating_points_augmented={0.9: 0.4},
        n_replicates=100,
    )
    alone = evaluate(
        y_true, after, CLASSES, operating_points={0.9: 0.4}, n_replicates=100
    )
    assert found.augmented.overall == alone.overall
    table = found.table().set_index("metric")
    expected = table["augmented"] - table["baseline"]
    assert np.allclose(table["difference"], expected)
    table = table.drop("expected_calibration_error")
    assert (table["difference_low"] <= table["difference_high"]).all()
    assert "sensitivity_at_90" in table.index
    with pytest.raises(ValueError, match="same sensitivities"):
        compare(y_true, before, after, CLASSES, operating_points_baseline={0.9: 0.3})


def test_to_dict_is_json_and_holds_the_verdict():
    tone = np.repeat(["I", None], 400)
    found = compare_strengths(1, 1.2, strata={"skin_tone": tone})
    read = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert read["verdict"] == found.verdict()
    assert len(read["differences"]) == len(found.baseline.strata) == 12
