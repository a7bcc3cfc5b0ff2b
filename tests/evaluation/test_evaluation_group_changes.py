import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import recall_score, roc_auc_score

from keras_derm.evaluation import compare, evaluate
from keras_derm.evaluation.statistics.bootstrap import cluster_weights

CLASSES = ("MEL", "rest")
N, N_REPLICATES = 600, 60
TONE = np.random.default_rng(5).choice(
    ["light", "medium", "dark"], N, p=[0.5, 0.3, 0.2]
)
TRUTH = np.random.default_rng(6).choice(2, N, p=[0.3, 0.7])
STRENGTH = {"light": 2.0, "medium": 1.2, "dark": 0.4}


def probabilities(seed, gain=0.0):
    """Dark skin is told worst, and `gain` is what an arm adds there."""
    strength = pd.Series(TONE).map(STRENGTH).to_numpy() + gain * (TONE == "dark")
    noise = np.random.default_rng(seed).normal(size=N)
    melanoma = expit(strength * (0.5 - TRUTH) * 2 + noise - 0.5)
    return np.stack([melanoma, 1 - melanoma], axis=1)


def compared(y_prob, **options):
    return compare(
        TRUTH,
        y_prob,
        CLASSES,
        reference="none",
        strata={"tone_group": TONE},
        n_replicates=N_REPLICATES,
        **options,
    )


def changes_of(found, **wanted):
    table = found.changes()
    for name, value in wanted.items():
        table = table[table[name] == value]
    return table.set_index("arm")


def areas(y_prob, weights):
    """AUC of each tone group, each image counted as often as it was drawn."""
    return {
        tone: roc_auc_score(
            TRUTH[tone == TONE] == 0,
            y_prob[tone == TONE, 0],
            sample_weight=weights[tone == TONE],
        )
        for tone in STRENGTH
    }


def test_changes_are_those_of_metrics_computed_anew_in_every_resample():
    before, after = probabilities(1), probabilities(2, gain=1.0)
    found = compared({"none": before, "remedy": after})
    (weights,) = cluster_weights(N, N_REPLICATES, seed=0)
    drawn = {"worst group": [], "raw gap": []}
    for column in weights.T:
        first, second = areas(before, column), areas(after, column)
        drawn["worst group"].append(min(second.values()) - min(first.values()))
        gaps = [one["dark"] - one["light"] for one in (first, second)]
        drawn["raw gap"].append(gaps[1] - gaps[0])
    whole = [areas(one, np.ones(N)) for one in (before, after)]
    row = changes_of(found, change="worst group", metric="auc").loc["remedy"]
    assert row["reference"] == pytest.approx(min(whole[0].values()))
    assert row["value"] == pytest.approx(min(whole[1].values()))
    assert row["group"] == min(whole[1], key=whole[1].get)
    for change, draws in drawn.items():
        wanted = {"change": change, "metric": "auc"}
        if change == "raw gap":
            wanted["group"] = "dark"
        row = changes_of(found, **wanted).loc["remedy"]
        low, high = row["difference_low"], row["difference_high"]
        np.testing.assert_allclose([low, high], np.quantile(draws, [0.025, 0.975]))
    assert row["difference"] == pytest.approx(
        np.diff([one["dark"] - one["light"] for one in whole])[0]
    )


def test_p_values_are_corrected_for_the_number_of_arms():
    remedies = {f"remedy {i}": probabilities(10 + i, gain=i) for i in range(4)}
    found = compared({"none": probabilities(1)} | remedies)
    rows = changes_of(found, change="worst group", metric="auc")
    assert list(rows.index) == list(remedies)
    ordered = rows.sort_values("p_value")
    expected = np.maximum.accumulate(ordered["p_value"] * np.arange(4, 0, -1)).clip(
        0, 1
    )
    np.testing.assert_allclose(ordered["p_adjusted"], expected)


def test_an_arm_that_changes_nothing_has_no_interval():
    same = probabilities(1)
    row = changes_of(compared({"none": same, "same": same}), metric="auc")
    assert (row["difference"] == 0).all() and row["p_value"].isna().all()
    assert row["reason"].str.contains("every resample gives the same value").all()


def test_each_image_may_have_the_threshold_of_its_group():
    y_prob = probabilities(1)
    threshold = pd.Series(TONE).map({"light": 0.7, "medium": 0.5, "dark": 0.2})
    found = evaluate(
        TRUTH,
        y_prob,
        CLASSES,
        strata={"tone_group": TONE},
        operating_points={0.8: threshold.to_numpy()},
        n_replicates=20,
    )
    called = y_prob[:, 0] >= threshold.to_numpy()
    for stratum in found.strata:
        chosen = stratum["value"] == TONE if stratum["value"] in STRENGTH else TONE > ""
        if stratum["n"]:
            expected = recall_score(TRUTH[chosen] == 0, called[chosen])
            value = stratum["metrics"]["sensitivity_at_80"]["value"]
            assert value == pytest.approx(expected)
    (gap,) = (
        one
        for one in found.gaps
        if one["group"] == "dark" and one["metric"] == "specificity_at_80"
    )
    specific = [(~called)[(t == TONE) & (TRUTH == 1)].mean() for t in ("dark", "light")]
    assert [gap["raw_group"], gap["raw_beside"]] == pytest.approx(specific)
    with pytest.raises(ValueError, match=r"for each of the 600 images.*\(3,\) for"):
        evaluate(TRUTH, y_prob, CLASSES, operating_points={0.8: np.zeros(3)})
