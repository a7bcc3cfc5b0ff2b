import numpy as np
import pytest
from scipy.stats import norm

from keras_derm.evaluation import evaluate
from keras_derm.evaluation.statistics.bootstrap import (
    bootstrap,
    cluster_class,
    cluster_index,
    cluster_weights,
    means_with_intervals,
    percentile_interval,
    two_sided_p_value,
)


def mean_of(values, cluster, n_clusters):
    sums = np.bincount(cluster, values, minlength=n_clusters)
    sizes = np.bincount(cluster, minlength=n_clusters)
    return lambda weights: (sums @ weights / (sizes @ weights))[np.newaxis]


def coverage(resample_clusters, n_trials=300):
    """Share of intervals that hold the true mean, five equal images a cluster."""
    generator = np.random.default_rng(0)
    held = 0
    for trial in range(n_trials):
        values = np.repeat(generator.random(60) < 0.7, 5).astype(float)
        groups = np.repeat(np.arange(60), 5) if resample_clusters else None
        cluster, n_clusters = cluster_index(groups, 300)
        statistic = mean_of(values, cluster, n_clusters)
        (draws,) = bootstrap([statistic], n_clusters, 400, seed=trial)
        low, high, _ = percentile_interval(draws[0])
        held += low <= 0.7 <= high
    return held / n_trials


def test_intervals_by_cluster_cover_and_intervals_by_image_do_not():
    assert 0.90 <= coverage(resample_clusters=True) <= 0.98
    assert coverage(resample_clusters=False) < 0.75


def test_width_agrees_with_the_normal_approximation():
    values = (np.arange(2000) % 10 < 8).astype(float)
    statistic = mean_of(values, np.arange(2000), 2000)
    (draws,) = bootstrap([statistic], 2000, 2000, seed=3)
    low, high, _ = percentile_interval(draws[0])
    expected = 1.96 * np.sqrt(0.8 * 0.2 / 2000)
    assert (high - low) / 2 == pytest.approx(expected, rel=0.08)
    assert (high + low) / 2 == pytest.approx(0.8, abs=0.002)


def test_draws_are_multinomial_and_repeat_with_the_seed():
    weights = np.concatenate(list(cluster_weights(50, 1001, seed=5)), axis=1)
    assert weights.shape == (50, 1001)
    assert (weights.sum(axis=0) == 50).all()
    assert weights.var() == pytest.approx(1 - 1 / 50, rel=0.05)
    again = np.concatenate(list(cluster_weights(50, 1001, seed=5)), axis=1)
    assert (weights == again).all()


def test_statistics_share_their_draws():
    statistic = mean_of(np.arange(30.0), np.arange(30), 30)
    first, second = bootstrap([statistic, statistic], 30, 100)
    assert (first == second).all()


def test_no_interval_where_too_many_resamples_are_undefined():
    replicates = np.r_[np.full(20, np.nan), np.linspace(0, 1, 80)]
    low, high, reason = percentile_interval(replicates)
    assert np.isnan(low) and np.isnan(high)
    assert "20% of the resamples" in reason
    low, high, reason = percentile_interval(np.linspace(0, 1, 101), level=0.9)
    assert (low, high, reason) == (pytest.approx(0.05), pytest.approx(0.95), "")


def test_groups_must_have_a_label_for_each_image():
    assert cluster_index(["b", "a", "b"], 3)[0].tolist() == [1, 0, 1]
    with pytest.raises(ValueError, match="row 1"):
        cluster_index(["a", None, "b"], 3)
    with pytest.raises(ValueError, match="row 2"):
        cluster_index([1.0, 2.0, np.nan], 3)
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        cluster_index([1, 2], 3)


def test_stratified_resamples_hold_as_many_clusters_of_each_class():
    strata = np.repeat([0, 1, 2], [5, 20, 75])
    weights = np.concatenate(list(cluster_weights(100, 600, 0, strata)), axis=1)
    for label, size in enumerate([5, 20, 75]):
        of_label = weights[strata == label]
        assert (of_label.sum(axis=0) == size).all()
        assert of_label.var() == pytest.approx(1 - 1 / size, rel=0.08)


def test_a_patient_stands_for_the_rarest_of_its_diagnoses():
    y_true = np.array([1, 1, 1, 0, 1, 2, 2])
    cluster = np.array([0, 0, 1, 1, 2, 2, 3])
    assert cluster_class(y_true, cluster, 4).tolist() == [1, 0, 2, 2]


def test_stratified_bootstrap_always_has_an_interval_for_a_rare_class():
    y_true = np.ones(100, int)
    y_true[[40, 70]] = 0
    y_prob = np.full((100, 2), 0.5)
    y_prob[:, 0] += np.linspace(-0.4, 0.4, 100)
    y_prob[:, 1] = 1 - y_prob[:, 0]
    found = evaluate(y_true, y_prob, ("MEL", "NV"), n_replicates=300)
    assert "not defined in" in found.overall["auc"]["reason"]
    found = evaluate(y_true, y_prob, ("MEL", "NV"), n_replicates=300, stratified=True)
    assert np.isfinite(found.overall["auc"]["low"])


def test_p_value_belongs_to_the_interval():
    generator = np.random.default_rng(0)
    assert two_sided_p_value(generator.normal(1.96, 1, 200_000)) == pytest.approx(
        0.05, abs=0.002
    )
    assert two_sided_p_value(np.zeros(50)) == 1
    assert two_sided_p_value(np.ones(999)) == 2 / 1000
    assert np.isnan(two_sided_p_value(np.r_[np.full(20, np.nan), np.ones(80)]))


@pytest.mark.slow
@pytest.mark.parametrize("stratified", [False, True])
def test_intervals_of_metrics_cover_by_lesion(stratified):
    # Two photographs of each of 150 lesions share their score's luck; positives
    # have N(1, 1), others N(0, 1), called positive above 0.5.
    truth = {"sensitivity": norm.cdf(0.5), "auc": norm.cdf(1 / np.sqrt(2))}
    generator = np.random.default_rng(0)
    held = dict.fromkeys(truth, 0)
    for seed in range(600):
        y_true = np.repeat((generator.random(150) < 0.6).astype(int), 2)
        lesion = np.repeat(np.arange(150), 2)
        shared = np.repeat(generator.normal(size=150), 2)
        logit = np.sqrt(0.7) * shared + np.sqrt(0.3) * generator.normal(size=300)
        score = 1 / (1 + np.exp(-(logit - 0.5 + (y_true == 0))))
        found = evaluate(
            y_true,
            np.stack([score, 1 - score], axis=1),
            ("MEL", "NV"),
            lesion,
            seed=seed,
            n_replicates=800,
            stratified=stratified,
        ).overall
        for name, value in truth.items():
            held[name] += found[name]["low"] <= value <= found[name]["high"]
    for name in truth:
        assert 0.925 <= held[name] / 600 <= 0.97


def test_means_leave_out_what_is_not_known():
    values = np.array([[1.0, np.nan], [0.0, 2.0], [1.0, 4.0], [0.0, np.nan]])
    found = means_with_intervals(values, [0, 0, 1, 2], n_replicates=100)
    np.testing.assert_allclose(found[:, 0], [0.5, 3.0])


def test_intervals_of_means_are_by_group_and_those_of_differences_are_paired():
    generator = np.random.default_rng(1)
    person = np.repeat(generator.normal(size=100), 3)
    before = person + generator.normal(0, 0.01, 300)
    after = person + 0.1 + generator.normal(0, 0.01, 300)
    values = np.stack([before, after, after - before], axis=1)
    found = means_with_intervals(values, np.repeat(np.arange(100), 3), 1000)
    widths = found[:, 2] - found[:, 1]
    expected = 2 * 1.96 * np.std(before.reshape(100, 3).mean(axis=1)) / 10
    assert widths[0] == pytest.approx(expected, rel=0.12)
    assert widths[2] < widths[0] / 50
    assert found[2, 1] < 0.1 < found[2, 2]


def test_a_mean_that_no_resample_changes_has_no_interval():
    found = means_with_intervals(np.zeros((12, 1)), None, n_replicates=50)
    np.testing.assert_array_equal(found, [[0, np.nan, np.nan]])
    assert np.isnan(means_with_intervals(np.zeros((0, 2)), [])).all()
