import numpy as np
import pytest
import sklearn.metrics
from scipy.stats import norm

from keras_derm.evaluation import delong_covariance, delong_interval, delong_test

# Patients of the aSAH data of R's pROC (Turck et al. 2010), outcome poor and good:
# the ranks of their WFNS grade and of S100B, which are all that AUCs depend on.
POOR_WFNS = "21344441410143314441414134330331144114444"
GOOD_WFNS = "000040110110001010023030440013001101011000010100213103004311000201133000"
POOR_S100B = [8, 5, 11, 7, 25, 30, 28, 2, 19, 4, 2, 23, 21, 27, 30, 15, 30, 30, 30, 2]
POOR_S100B += [30, 17, 0, 4, 13, 30, 15, 30, 3, 15, 8, 5, 6, 13, 30, 9, 30, 18, 30, 30]
POOR_S100B += [25]
GOOD_S100B = [8, 9, 5, 1, 26, 12, 5, 5, 1, 3, 1, 4, 6, 2, 12, 2, 6, 8, 12, 1, 11, 9]
GOOD_S100B += [20, 4, 29, 26, 11, 2, 24, 26, 6, 3, 4, 3, 1, 8, 5, 9, 10, 1, 1, 4, 1]
GOOD_S100B += [4, 3, 11, 4, 3, 19, 6, 16, 2, 5, 18, 2, 1, 14, 22, 5, 10, 3, 9, 5, 2]
GOOD_S100B += [1, 12, 10, 26, 12, 10, 29, 27]


@pytest.fixture
def haemorrhage():
    wfns = np.array([int(digit) for digit in POOR_WFNS + GOOD_WFNS])
    is_poor = np.repeat([True, False], [41, 72])
    return is_poor, wfns, np.array(POOR_S100B + GOOD_S100B)


def test_paired_test_gives_the_figures_of_proc(haemorrhage):
    # roc.test(r.s100b, r.wfns) in the tests of pROC.
    is_poor, wfns, s100b = haemorrhage
    found = delong_test(is_poor, s100b, wfns)
    assert found.auc_a == pytest.approx(0.731368563685637)
    assert found.auc_b == pytest.approx(0.823678861788618)
    assert found.z == pytest.approx(2.20898359144091)
    assert found.p_value == pytest.approx(0.0271757822291882)
    assert found.low == pytest.approx(0.0104061769564846)
    assert found.high == pytest.approx(0.174214419249478)
    swapped = delong_test(is_poor, wfns, s100b)
    assert swapped.z == pytest.approx(-found.z)


def test_a_score_does_not_differ_from_itself(haemorrhage):
    is_poor, wfns, _ = haemorrhage
    found = delong_test(is_poor, wfns, wfns)
    assert (found.difference, found.z, found.p_value) == (0, 0, 1)


def covariance_pair_by_pair(is_positive, scores):
    """DeLong's covariance written out over all pairs of images."""
    kernels = []
    for score in scores:
        above = score[is_positive][:, None] - score[~is_positive][None]
        kernels.append((above > 0) + 0.5 * (above == 0))
    by_positive = np.array([kernel.mean(axis=1) for kernel in kernels])
    by_negative = np.array([kernel.mean(axis=0) for kernel in kernels])
    return (
        np.cov(by_positive) / by_positive.shape[1]
        + np.cov(by_negative) / by_negative.shape[1]
    )


def test_covariance_agrees_with_all_pairs_and_auc_with_scikit_learn():
    generator = np.random.default_rng(0)
    is_positive = generator.random(120) < 0.3
    scores = (generator.normal(size=(3, 120)) + is_positive).round(1)
    auc, covariance = delong_covariance(is_positive, scores)
    assert np.allclose(covariance, covariance_pair_by_pair(is_positive, scores))
    expected = [sklearn.metrics.roc_auc_score(is_positive, score) for score in scores]
    assert np.allclose(auc, expected)


def test_two_photographs_of_each_lesion_tell_no_more_than_one():
    generator = np.random.default_rng(1)
    is_positive = generator.random(80) < 0.4
    scores = generator.normal(size=(2, 80)) + is_positive
    _, single = delong_covariance(is_positive, scores)
    twice = np.repeat(is_positive, 2), np.repeat(scores, 2, axis=1)
    _, by_lesion = delong_covariance(*twice, groups=np.repeat(np.arange(80), 2))
    _, by_image = delong_covariance(*twice)
    assert np.allclose(by_lesion, single)
    assert np.allclose(np.diag(by_image), np.diag(single) / 2, rtol=0.03)


def clustered_scores(generator, n_patients):
    """Three lesions of a patient share half of their score's variance."""
    is_positive = generator.random((n_patients, 3)) < 0.4
    shared = generator.normal(size=(n_patients, 1))
    score = shared + generator.normal(size=(n_patients, 3)) + is_positive
    return is_positive.ravel(), score.ravel(), np.repeat(np.arange(n_patients), 3)


@pytest.mark.slow
def test_intervals_by_patient_cover_the_true_auc():
    # Scores of two patients' lesions differ by N(1, 4) where one is positive.
    truth = norm.cdf(1 / 2)
    generator = np.random.default_rng(0)
    held = 0
    for _ in range(1000):
        is_positive, score, patient = clustered_scores(generator, 100)
        _, low, high = delong_interval(is_positive, score, patient)
        held += low <= truth <= high
    assert 0.93 <= held / 1000 <= 0.97


def test_one_class_or_one_group_gives_no_variance():
    with pytest.raises(ValueError, match="0 positive of 3 images"):
        delong_covariance([False] * 3, [1, 2, 3])
    _, covariance = delong_covariance([True, False, False], [3, 1, 2])
    assert np.isnan(covariance).all()
