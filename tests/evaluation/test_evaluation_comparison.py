import json

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import recall_score, roc_auc_score

from keras_derm.evaluation import compare, evaluate
from keras_derm.evaluation.statistics.bootstrap import cluster_weights

CLASSES = ("MEL", "NV", "BCC")


def probabilities(y_true, strength, seed):
    logits = np.random.default_rng(seed).normal(size=(len(y_true), 3))
    logits[np.arange(len(y_true)), y_true] += strength
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def compare_strengths(before, after, n=800, **options):
    y_true = np.random.default_rng(0).choice(3, n, p=[0.2, 0.6, 0.2])
    return compare_two(
        y_true,
        probabilities(y_true, before, seed=1),
        probabilities(y_true, after, seed=2),
        n_replicates=300,
        **options,
    )


def compare_two(y_true, before, after, **options):
    y_prob = {"baseline": before, "augmented": after}
    return compare(y_true, y_prob, CLASSES, **options)


def test_verdict_says_yes_no_and_harm():
    better = compare_strengths(0.5, 1.5).verdict("augmented")
    assert better.startswith("augmented is better than baseline: ")
    worse = compare_strengths(1.5, 0.5).verdict("augmented")
    assert worse.startswith("augmented is worse than baseline: ")
    none = compare_strengths(1, 1).verdict("augmented", "auc")
    assert none.startswith(
        "No measurable difference between augmented and baseline: MEL AUC 0."
    )
    assert "800 real test images" in none
    assert "one seed: another can move this by as much" in none


def test_verdict_names_what_moved_the_other_way():
    y_true = np.repeat([0, 1, 2], [200, 400, 200])
    before = probabilities(y_true, 1.0, seed=1)
    after = before * [3, 1, 1]
    after /= after.sum(axis=1, keepdims=True)
    found = compare_two(y_true, before, after, n_replicates=300)
    verdict = found.verdict("augmented", "sensitivity")
    assert verdict.startswith("augmented is better than baseline: MEL sensitivity 0.")
    assert "; but " in verdict and "MEL specificity is lower (difference -" in verdict


def test_nothing_is_claimed_about_a_small_stratum():
    tone = np.repeat(["light", "dark"], [790, 10])
    found = compare_strengths(0.5, 1.5, strata={"tone_group": tone})
    verdict = found.stratum_verdict("augmented", stratum="tone_group", value="dark")
    assert verdict.startswith(
        "Nothing can be said of augmented from the same 10 real test images with tone "
        "group dark"
    )
    assert "too few to judge" in verdict
    with pytest.raises(ValueError, match="Received: stratum='sex'"):
        found.stratum_verdict("augmented", stratum="sex", value="male")
    with pytest.raises(ValueError, match="Received: .*metric='kappa'"):
        found.verdict("augmented", "kappa")


def test_a_model_does_not_differ_from_itself():
    y_true = np.repeat([0, 1, 2], 50)
    y_prob = probabilities(y_true, 1.0, seed=1)
    found = compare_two(y_true, y_prob, y_prob, n_replicates=50)
    for name, difference in found.differences["augmented"][0].items():
        assert difference["value"] == 0
        assert np.isnan([difference["low"], difference["p_value"]]).all()
        if name != "expected_calibration_error":
            assert difference["reason"].endswith("every resample gives the same value")
    assert found.verdict("augmented").startswith(
        "Nothing can be said of augmented from the same 150 real test images"
    )


def test_a_rare_class_decides_no_verdict():
    """One image of a third class moves balanced accuracy by a third, by chance."""
    y_true = np.repeat([0, 1, 2], [20, 200, 1])
    before = probabilities(y_true[:-1], 1.0, seed=1)
    before, after = (np.vstack([before, last]) for last in ([1, 0, 0], [0, 0, 1]))
    found = compare_two(y_true, before, after, n_replicates=300, stratified=True)
    difference = found.differences["augmented"][0]["balanced_accuracy"]
    assert difference["value"] == pytest.approx(1 / 3)
    assert np.isnan([difference["low"], difference["p_adjusted"]]).all()
    rare = np.repeat([0, 1, 2], [20, 200, 4])
    before = np.vstack([before[:-1], [[1, 0, 0]] * 4])
    after = np.vstack([after[:-1], [[0, 0, 1]] * 4])
    found = compare_two(rare, before, after, n_replicates=300)
    assert found.differences["augmented"][0]["balanced_accuracy"]["high"] > 0.3
    verdict = found.verdict("augmented")
    assert ": MEL AUC 0." in verdict and "balanced accuracy is" not in verdict
    assert verdict.endswith(
        " Balanced accuracy is not judged: too few patients or lesions, 4 of BCC."
    )


def test_what_no_arm_is_judged_by_is_said_once():
    y_true = np.repeat([0, 1, 2], [20, 200, 4])
    y_prob = {
        arm: probabilities(y_true, strength, seed)
        for seed, (arm, strength) in enumerate({"baseline": 1, "a": 1, "b": 2}.items())
    }
    found = compare(y_true, y_prob, CLASSES, n_replicates=100)
    said = found.verdicts()
    assert list(said) == ["a", "b"]
    first, last = said.values()
    assert "not judged" not in first and first.endswith("by as much).")
    assert (
        found.stratum_verdict("a") == first + last[last.index(" Balanced accuracy") :]
    )
    assert last == found.stratum_verdict("b")
    enough = compare(y_true[:-4], {n: p[:-4] for n, p in y_prob.items()}, CLASSES)
    assert enough.verdicts() == {arm: enough.stratum_verdict(arm) for arm in "ab"}


def test_pairing_makes_the_interval_narrower():
    y_true = np.random.default_rng(0).choice(3, 800)
    before = probabilities(y_true, 1.0, seed=1)
    after = 0.9 * before + 0.1 * probabilities(y_true, 1.0, seed=2)
    found = compare_two(y_true, before, after, n_replicates=500)
    paired = found.differences["augmented"][0]["balanced_accuracy"]
    single = found.arms["baseline"].overall["balanced_accuracy"]
    width = single["high"] - single["low"]
    assert paired["high"] - paired["low"] < 0.6 * width


def test_each_model_has_its_own_evaluation_and_threshold():
    y_true = np.repeat([0, 1, 2], 60)
    before = probabilities(y_true, 1.0, seed=1)
    after = probabilities(y_true, 1.5, seed=2)
    points = {"baseline": {0.9: 0.3}, "augmented": {0.9: 0.4}}
    found = compare_two(
        y_true, before, after, operating_points=points, n_replicates=100
    )
    alone = evaluate(
        y_true, after, CLASSES, operating_points={0.9: 0.4}, n_replicates=100
    )
    assert found.arms["augmented"].to_dict() == alone.to_dict()
    table = found.table().set_index("metric")
    table = table[table["arm"] == "augmented"]
    expected = table["value"] - table["reference"]
    assert np.allclose(table["difference"], expected)
    table = table.drop("expected_calibration_error")
    assert (table["difference_low"] <= table["difference_high"]).all()
    assert "sensitivity_at_90" in table.index
    with pytest.raises(ValueError, match="same sensitivities"):
        points = {"baseline": {0.9: 0.3}, "augmented": {}}
        compare_two(y_true, before, after, operating_points=points)


def test_to_dict_is_json_and_holds_the_verdict():
    tone = np.repeat(["light", None], 400)
    found = compare_strengths(1, 1.2, strata={"tone_group": tone})
    read = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert read["verdicts"]["augmented"] == found.verdict("augmented")
    n_strata = len(found.arms["baseline"].strata)
    assert len(read["differences"]["augmented"]) == n_strata == 5


def test_tests_of_the_whole_set_are_of_every_arm_against_the_reference():
    y_true = np.repeat([0, 1, 2], 60)
    arms = {
        name: probabilities(y_true, strength, seed)
        for seed, (name, strength) in enumerate(
            {"float": 1, "a": 1.5, "b": 0.5}.items()
        )
    }
    found = compare(y_true, arms, CLASSES, "float", n_replicates=20)
    right = {name: one.argmax(axis=1) == y_true for name, one in arms.items()}
    for arm in ("a", "b"):
        tests = found.tests[arm]
        assert tests["mcnemar"]["only_arm"] == (right[arm] & ~right["float"]).sum()
        only_reference = (right["float"] & ~right[arm]).sum()
        assert tests["mcnemar"]["only_reference"] == only_reference
        discordant = tests["mcnemar"]["only_arm"] + only_reference
        expected = binomtest(int(only_reference), int(discordant)).pvalue
        assert tests["mcnemar"]["p_value"] == pytest.approx(expected)
        area = roc_auc_score(y_true == 0, arms[arm][:, 0])
        assert tests["delong"]["auc_b"] == pytest.approx(area)


def test_intervals_are_those_of_metrics_computed_anew_in_every_resample():
    y_true = np.random.default_rng(0).choice(3, 240, p=[0.3, 0.5, 0.2])
    lesion = np.arange(240) // 2
    arms = {name: probabilities(y_true, 1.0, seed) for seed, name in enumerate("rab")}
    found = compare(y_true, arms, CLASSES, "r", groups=lesion, n_replicates=60, seed=7)
    weights = np.hstack(list(cluster_weights(120, 60, seed=7)))[lesion]

    def resampled(y_prob):
        called = y_prob.argmax(axis=1)
        return np.array(
            [
                recall_score(y_true, called, average="macro", sample_weight=weight)
                for weight in weights.T
            ]
        )

    for arm in "ab":
        draws = resampled(arms[arm]) - resampled(arms["r"])
        expected = np.percentile(draws, [2.5, 97.5])
        difference = found.differences[arm][0]["balanced_accuracy"]
        low_high = [difference["low"], difference["high"]]
        np.testing.assert_allclose(low_high, expected, atol=1e-12)
