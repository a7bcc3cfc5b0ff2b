import json

import numpy as np
import pytest

from keras_derm.evaluation import compare, evaluate
from keras_derm.evaluation.statistics.bootstrap import cluster_weights

CLASSES = ("MEL", "NV")


def probabilities(y_true, strength, generator):
    logit = strength * np.where(y_true == 0, 1, -1) + generator.normal(size=len(y_true))
    score = 1 / (1 + np.exp(-logit))
    return np.stack([score, 1 - score], axis=1)


def arms(n=400, seed=0, n_seeds=3, spread=0.0, gain=0.0):
    """Two arms; each seed's strength varies by `spread` around the arm's own."""
    generator = np.random.default_rng(seed)
    y_true = (generator.random(n) < 0.7).astype(int)
    y_prob = {
        arm: [
            probabilities(y_true, mean + spread * generator.normal(), generator)
            for _ in range(n_seeds)
        ]
        for arm, mean in (("baseline", 0.6), ("gan", 0.6 + gain))
    }
    return y_true, y_prob


def test_one_seed_each_is_the_paired_comparison():
    y_true, y_prob = arms(n_seeds=1, gain=0.3)
    found = compare(y_true, y_prob, CLASSES, "baseline", n_replicates=200)
    pair = {arm: of_arm[0] for arm, of_arm in y_prob.items()}
    pair = compare(y_true, pair, CLASSES, n_replicates=200)
    for name, expected in pair.differences["gan"][0].items():
        difference = found.differences["gan"][0][name]
        for key in ("value", "low", "high"):
            assert difference[key] == pytest.approx(expected[key], nan_ok=True)
    assert "one seed" in found.verdict("gan")


def test_values_are_means_over_seeds():
    y_true, y_prob = arms(n_seeds=3, spread=0.5)
    found = compare(y_true, y_prob, CLASSES, "baseline", n_replicates=50)
    metric = found.arms["gan"].strata[0]["metrics"]["sensitivity"]
    expected = [(one.argmax(axis=1) == 0)[y_true == 0].mean() for one in y_prob["gan"]]
    assert metric["per_seed"] == pytest.approx(expected)
    assert metric["value"] == pytest.approx(np.mean(expected))


def test_an_arm_of_several_seeds_has_the_whole_evaluation():
    y_true, y_prob = arms(n_seeds=2, spread=0.5)
    sex = np.repeat(["f", "m"], 200)
    points = {arm: [{0.9: 0.4}, {0.9: 0.5}] for arm in y_prob}
    found = compare(
        y_true,
        y_prob,
        CLASSES,
        "baseline",
        strata={"sex": sex},
        operating_points=points,
        n_replicates=50,
    )
    alone = [
        evaluate(y_true, one, CLASSES, strata={"sex": sex}, n_replicates=50)
        for one in y_prob["gan"]
    ]
    of_arm = found.arms["gan"]
    counts = np.mean([one.confusion_matrix for one in alone], axis=0)
    np.testing.assert_allclose(of_arm.confusion_matrix, counts)
    recall = [one.per_class["NV"]["sensitivity"]["value"] for one in alone]
    assert of_arm.per_class["NV"]["sensitivity"]["per_seed"] == pytest.approx(recall)
    called = [(one.argmax(axis=1) == 0)[y_true == 0] for one in y_prob["gan"]]
    of_sex = sex[y_true == 0]
    means = [np.mean([one[of_sex == s].mean() for one in called]) for s in "fm"]
    (gap,) = [one for one in of_arm.disparities if one["gap"] == "sensitivity"]
    assert gap["value"] == pytest.approx(abs(means[0] - means[1]))
    assert 0 < gap["p_value"] <= 1
    assert sum(bin_["n"] for bin_ in of_arm.reliability) == 2 * len(y_true)
    assert of_arm.operating_points == {0.9: [0.4, 0.5]}
    assert found.tests["gan"] == {"delong": None, "mcnemar": None}


def test_the_interval_adds_the_error_of_few_seeds_as_the_method_says():
    y_true, y_prob = arms(n_seeds=3, spread=0.6, n=200)
    y_prob["copies"] = y_prob["gan"][:1]
    found = compare(y_true, y_prob, CLASSES, n_replicates=40, seed=5)
    weights = np.hstack(list(cluster_weights(200, 40, seed=5)))
    recalls = {
        arm: np.array([(one.argmax(axis=1) == 0)[y_true == 0] for one in of_arm])
        for arm, of_arm in y_prob.items()
    }
    positive = weights[y_true == 0]
    means = {
        arm: (found @ positive / positive.sum(axis=0)).mean(axis=0)
        for arm, found in recalls.items()
    }
    # Seeds beyond the first: two of two arms, none of the third.
    variances = [recalls[arm].mean(axis=1).var(ddof=1) for arm in ("baseline", "gan")]
    spread = np.sqrt(np.mean(variances))
    generator = np.random.default_rng([5, 1])
    scale = np.sqrt(4 / generator.chisquare(4, 40))
    for arm, of_arm in y_prob.items():
        student = scale * generator.normal(size=40)
        means[arm] = means[arm] + spread * student / np.sqrt(len(of_arm))
    for arm in ("gan", "copies"):
        expected = np.percentile(means[arm] - means["baseline"], [2.5, 97.5])
        difference = found.differences[arm][0]["sensitivity"]
        low_high = [difference["low"], difference["high"]]
        np.testing.assert_allclose(low_high, expected, atol=1e-12)


def test_a_metric_that_one_seed_lacks_is_kept_for_the_other_arms():
    y_true, y_prob = arms(n_seeds=2, spread=0.3)
    y_prob["gan"][1] = np.tile([0.1, 0.9], (len(y_true), 1))  # calls nothing MEL
    found = compare(y_true, y_prob, CLASSES, "baseline", n_replicates=100)
    ppv = {arm: found.arms[arm].strata[0]["metrics"]["ppv"] for arm in y_prob}
    assert ppv["baseline"]["low"] < ppv["baseline"]["value"] < ppv["baseline"]["high"]
    assert ppv["gan"]["reason"] == "not defined for every seed"


def test_too_few_resamples_for_so_many_strata_are_told():
    y_true, y_prob = arms(n=800, gain=1.5)
    site = np.tile([f"site {i}" for i in range(8)], 100)
    found = compare(
        y_true, y_prob, CLASSES, "baseline", strata={"site": site}, n_replicates=200
    )
    assert "the 200 resamples that were drawn, at least 320." in found.verdict("gan")


def test_seeds_that_differ_widen_the_interval():
    widths = []
    for spread in (0.0, 0.6):
        y_true, y_prob = arms(n_seeds=4, spread=spread, seed=3)
        found = compare(y_true, y_prob, CLASSES, "baseline", n_replicates=500)
        difference = found.differences["gan"][0]["balanced_accuracy"]
        widths.append(difference["high"] - difference["low"])
    assert widths[1] > 2 * widths[0]


def test_intervals_stay_within_what_a_metric_can_be():
    y_true, y_prob = arms(n_seeds=2, spread=1.0, n=100)
    found = compare(y_true, y_prob, CLASSES, "baseline", n_replicates=500)
    for name, entry in found.arms["baseline"].strata[0]["metrics"].items():
        if name not in ("calibration_slope", "expected_calibration_error"):
            assert 0 <= entry["low"] <= entry["value"] <= entry["high"]
    assert found.arms["baseline"].strata[0]["metrics"]["auc"]["high"] <= 1


def true_balanced_accuracy(mean, spread, generator):
    """Expected over the luck of training: strength ~ N(mean, spread)."""
    strength = mean + spread * generator.normal(size=200_000)
    return (strength + generator.normal(size=200_000) > 0).mean()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_seeds", "spread"), [(2, 0.3), (3, 0.3), (5, 0.3), (5, 0.0)]
)
def test_intervals_cover_lesions_and_seeds(n_seeds, spread):
    generator = np.random.default_rng(0)
    truth = true_balanced_accuracy(0.9, spread, generator)
    truth -= true_balanced_accuracy(0.6, spread, generator)
    held = 0
    for seed in range(300):
        y_true, y_prob = arms(300, seed, n_seeds, spread, gain=0.3)
        found = compare(
            y_true, y_prob, CLASSES, "baseline", n_replicates=400, seed=seed
        )
        difference = found.differences["gan"][0]["balanced_accuracy"]
        held += difference["low"] <= truth <= difference["high"]
    assert 0.92 <= held / 300 <= 1


def test_verdict_says_yes_and_no_and_names_small_strata():
    tone = np.repeat(["light", "dark"], [390, 10])
    y_true, y_prob = arms(n_seeds=5, gain=1.0)
    found = compare(
        y_true,
        y_prob,
        CLASSES,
        "baseline",
        strata={"tone_group": tone},
        n_replicates=200,
    )
    verdict = found.verdict("gan")
    assert verdict.startswith("gan is better than baseline: balanced accuracy 0.")
    assert "5 against 5 seeds" in verdict
    assert "it differs in tone group light (difference +" in verdict
    assert verdict.endswith("1 strata, among them tone groups dark.")
    y_true, y_prob = arms(gain=0.0)
    same = compare(y_true, y_prob, CLASSES, "baseline", n_replicates=200)
    assert same.verdict("gan").startswith("No measurable difference between gan and")
    with pytest.raises(ValueError, match="Received: arm='cyclegan'"):
        found.verdict("cyclegan")


def test_table_and_json_hold_every_arm():
    y_true, y_prob = arms(n_seeds=2)
    y_prob["copies"] = y_prob["gan"][:1]
    points = {arm: [{0.9: 0.4}] * len(of_arm) for arm, of_arm in y_prob.items()}
    found = compare(
        y_true, y_prob, CLASSES, "baseline", operating_points=points, n_replicates=50
    )
    table = found.table()
    assert list(table["arm"].unique()) == ["baseline", "gan", "copies"]
    assert table.loc[table["arm"] == "baseline", "difference"].isna().all()
    table = table[table["arm"] != "baseline"]
    assert "sensitivity_at_90" in set(table["metric"])
    expected = table["value"] - table["reference"]
    assert np.allclose(table["difference"], expected, equal_nan=True)
    read = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert set(read["verdicts"]) == {"gan", "copies"}
    assert "Student's t" in read["method"]


def test_wrong_arms_are_named():
    y_true, y_prob = arms()
    with pytest.raises(ValueError, match="reference='vae'"):
        compare(y_true, y_prob, CLASSES, "vae")
    with pytest.raises(ValueError, match="'gan': 0"):
        compare(y_true, {**y_prob, "gan": []}, CLASSES, "baseline")
    with pytest.raises(ValueError, match="same sensitivities"):
        points = {"baseline": [{0.9: 0.5}] * 3, "gan": [{0.95: 0.5}] * 3}
        compare(y_true, y_prob, CLASSES, "baseline", operating_points=points)
