import numpy as np
import pytest
import sklearn.metrics

from keras_derm.evaluation import decision_curve, roc_band


def example(n=300, seed=0):
    generator = np.random.default_rng(seed)
    score = generator.random(n).round(2)
    return generator.random(n) < score, score


def test_roc_band_holds_the_curve_of_scikit_learn():
    is_positive, score = example()
    band = roc_band(is_positive, score, n_replicates=200)
    false_alarms, found, _ = sklearn.metrics.roc_curve(is_positive, score)
    area = np.trapezoid(band["sensitivity"], 1 - band["specificity"])
    expected = sklearn.metrics.roc_auc_score(is_positive, score)
    assert area == pytest.approx(expected, abs=0.005)
    # At a specificity that the curve has, the highest sensitivity there.
    at = roc_band(is_positive, score, n_replicates=5, n_points=2)
    assert at["sensitivity"].tolist() == [found[false_alarms == 0].max(), 1]
    inner = band.iloc[5:-5]
    assert (inner["low"] <= inner["sensitivity"]).all()
    assert (inner["sensitivity"] <= inner["high"]).all()


def test_net_benefit_by_its_definition():
    is_positive, score = example()
    curve = decision_curve(is_positive, score, thresholds=[0.2, 0.5], n_replicates=50)
    for _, row in curve.iterrows():
        t = row["threshold"]
        hits = (is_positive & (score >= t)).sum()
        alarms = (~is_positive & (score >= t)).sum()
        expected = (hits - alarms * t / (1 - t)) / len(score)
        assert row["net_benefit"] == pytest.approx(expected)
        everyone = is_positive.mean() - (~is_positive).mean() * t / (1 - t)
        assert row["treat_all"] == pytest.approx(everyone)
        assert row["treat_none"] == 0
        assert row["low"] <= row["net_benefit"] <= row["high"]


def test_a_perfect_model_gains_the_prevalence_and_a_useless_one_nothing():
    truth = np.repeat([True, False], [20, 80])
    perfect = decision_curve(truth, truth.astype(float), n_replicates=5)
    assert np.allclose(perfect["net_benefit"], 0.2)
    never = decision_curve(truth, np.zeros(100), n_replicates=5)
    assert (never["net_benefit"] == 0).all()
    always = decision_curve(truth, np.ones(100), n_replicates=5)
    assert np.allclose(always["net_benefit"], always["treat_all"])


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="0 positive of 2"):
        roc_band([False, False], [0.1, 0.2])
    with pytest.raises(ValueError, match=r"in \(0, 1\)"):
        decision_curve([False, True], [0.1, 0.2], thresholds=[1.0])
