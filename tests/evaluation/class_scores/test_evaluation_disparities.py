import numpy as np
import pytest

from keras_derm.evaluation import evaluate

CLASSES = ("MEL", "NV")


def example(n=600, seed=0):
    generator = np.random.default_rng(seed)
    y_true = (generator.random(n) < 0.6).astype(int)
    sex = generator.choice(["female", "male"], n)
    score = np.clip(
        0.5 + 0.2 * (y_true == 0) + generator.normal(0, 0.25, n), 0.01, 0.99
    )
    score = np.where((sex == "male") & (y_true == 0), score - 0.2, score)
    score = np.clip(score, 0.01, 0.99)
    return y_true, np.stack([score, 1 - score], axis=1), sex


def gaps(found, stratum):
    return {gap["gap"]: gap for gap in found.disparities if gap["stratum"] == stratum}


def test_gaps_and_worst_group_are_those_of_the_groups_own_figures():
    y_true, y_prob, sex = example()
    found = evaluate(
        y_true,
        y_prob,
        CLASSES,
        strata={"sex": sex},
        n_replicates=200,
        operating_points={0.9: 0.4},
    )
    called, is_positive = y_prob.argmax(axis=1) == 0, y_true == 0
    found_share, false_alarms = (
        {one: called[(sex == one) & mask].mean() for one in ("female", "male")}
        for mask in (is_positive, ~is_positive)
    )
    by_sex = gaps(found, "sex")
    gap = by_sex["sensitivity"]
    assert gap["value"] == pytest.approx(found_share["female"] - found_share["male"])
    assert (gap["worst"], gap["best"]) == ("male", "female")
    assert gap["worst_value"] == pytest.approx(found_share["male"])
    assert gap["low"] <= gap["value"] <= gap["high"]
    assert gap["p_value"] == gap["p_adjusted"] < 0.05
    assert gap["label"].endswith("(equal opportunity)")
    odds = max(gap["value"], abs(false_alarms["female"] - false_alarms["male"]))
    assert by_sex["equalised_odds"]["value"] == pytest.approx(odds)
    assert "equalised_odds_at_90" in by_sex


def test_gaps_agree_with_fairlearn():
    fairlearn = pytest.importorskip("fairlearn.metrics", reason="no fairlearn here")
    y_true, y_prob, sex = example(seed=1)
    found = evaluate(y_true, y_prob, CLASSES, strata={"sex": sex}, n_replicates=50)
    truth, called = y_true == 0, y_prob.argmax(axis=1) == 0
    by_sex = gaps(found, "sex")
    for name, function in (
        ("sensitivity", fairlearn.equal_opportunity_difference),
        ("equalised_odds", fairlearn.equalized_odds_difference),
    ):
        expected = function(truth, called, sensitive_features=sex)
        assert by_sex[name]["value"] == pytest.approx(expected)
    frame = fairlearn.MetricFrame(
        metrics=fairlearn.true_positive_rate,
        y_true=truth,
        y_pred=called,
        sensitive_features=sex,
    )
    assert by_sex["sensitivity"]["worst_value"] == pytest.approx(frame.group_min())


def test_a_group_without_errors_is_no_proof_of_a_gap():
    """10 of 10 against 100 of 120: Fisher's exact test gives 0.36."""
    y_true = np.repeat([0, 1, 0, 1], [10, 60, 120, 300])
    sex = np.repeat(["female", "male"], [70, 420])
    score = np.where(y_true == 0, 0.9, 0.1)
    score[70:90] = 0.2
    y_prob = np.stack([score, 1 - score], axis=1)
    found = evaluate(y_true, y_prob, CLASSES, strata={"sex": sex})
    gap = gaps(found, "sex")["sensitivity"]
    assert gap["value"] == pytest.approx(1 / 6)
    assert gap["low"] <= gap["value"] <= gap["high"]
    assert 0.15 < gap["p_value"] < 0.45


def test_equal_groups_with_other_diagnoses_have_no_gap():
    """As good for either sex in every class, but the classes are not as frequent."""
    generator = np.random.default_rng(0)
    y_true = np.repeat([0, 1, 2, 0, 1], [60, 120, 60, 60, 180])
    sex = np.repeat(["female", "male"], [240, 240])
    right = generator.random(480) < np.array([0.9, 0.8, 0.2])[y_true]
    called = np.where(right, y_true, (y_true + 1) % 3)
    y_prob = 0.1 + 0.7 * np.eye(3)[called]
    found = evaluate(y_true, y_prob, (*CLASSES, "BCC"), strata={"sex": sex})
    gap = gaps(found, "sex")["balanced_accuracy"]
    assert gap["value"] > 0.15
    assert gap["p_value"] > 0.1


def test_a_task_of_two_classes_knows_the_diagnoses_behind_them():
    """Of BCC more are cleared than of NV, by either sex; men have more BCC."""
    diagnosis = np.repeat(["MEL", "NV", "BCC", "MEL", "NV", "BCC"], [50, 150, 50] * 2)
    diagnosis[350:450] = "BCC"
    sex = np.repeat(["female", "male"], 250)
    y_true = (diagnosis != "MEL").astype(int)
    shares = np.where(diagnosis == "MEL", 2, np.where(diagnosis == "NV", 5, 9))
    score = np.where(np.arange(500) % 10 < shares, 0.2, 0.8)
    y_prob = np.stack([score, 1 - score], axis=1)
    options = {"strata": {"sex": sex}, "n_replicates": 400}
    known = evaluate(y_true, y_prob, CLASSES, mix={"diagnosis": diagnosis}, **options)
    blind = evaluate(y_true, y_prob, CLASSES, **options)
    gap, unaware = (gaps(one, "sex")["specificity"] for one in (known, blind))
    assert gap["value"] == unaware["value"] == pytest.approx(0.2)
    assert unaware["p_value"] < 0.05 < 0.2 < gap["p_value"]


def test_interval_of_no_gap_holds_it():
    y_true, sex = np.tile([0, 1], 100), np.repeat(["female", "male"], 100)
    called = np.tile([0, 0, 1, 1], 50)
    y_prob = 0.1 + 0.8 * np.eye(2)[called]
    gap = gaps(evaluate(y_true, y_prob, CLASSES, strata={"sex": sex}), "sex")
    for name in ("sensitivity", "specificity"):
        assert gap[name]["low"] == gap[name]["value"] == 0 < gap[name]["high"]
        assert gap[name]["p_value"] > 0.9


def test_groups_too_small_to_judge_are_neither_worst_nor_counted():
    y_true, y_prob, _ = example()
    tone = np.repeat(["light", "medium", "dark", None], [280, 260, 8, 52])
    found = evaluate(y_true, y_prob, CLASSES, strata={"tone_group": tone})
    gap = gaps(found, "tone_group")["sensitivity"]
    assert {gap["worst"], gap["best"]} == {"light", "medium"}
    assert "dark" in gap["left_out"] and "unknown" not in gap["left_out"]
    tone = np.where(tone == "medium", None, tone)
    alone = evaluate(y_true, y_prob, CLASSES, strata={"tone_group": tone})
    gap = gaps(alone, "tone_group")["sensitivity"]
    assert np.isnan(gap["value"]) and gap["worst"] is None
    assert gap["reason"] == "fewer than two groups can be judged"


def test_chance_alone_is_not_called_a_gap():
    generator = np.random.default_rng(0)
    p_values = []
    for seed in range(40):
        y_true, y_prob, _ = example(seed=seed)
        site = generator.choice(list("abcd"), len(y_true))
        found = evaluate(
            y_true, y_prob, CLASSES, strata={"site": site}, n_replicates=200
        )
        gap = gaps(found, "site")["sensitivity"]
        assert gap["value"] > 0
        p_values.append(gap["p_value"])
    # Uniform in [0, 1]: 40 draws have a mean of 0.5 +- 0.046.
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.15)
    assert np.mean(np.array(p_values) < 0.05) <= 0.15
