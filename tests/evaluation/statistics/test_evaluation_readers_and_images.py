import numpy as np
import pytest
from scipy.stats import t

from keras_derm.evaluation import delong_covariance, mean_over_readers
from keras_derm.evaluation.statistics.readers_and_images import (
    ALL_ALIKE,
    ONE_READER,
    TOO_FEW_IMAGES,
    reader_aucs,
    reader_means,
)


@pytest.fixture
def ratings():
    generator = np.random.default_rng(0)
    return generator.integers(1, 7, (4, 60)), np.arange(60) % 2 == 1


def test_areas_and_covariance_are_delongs(ratings):
    scores, is_positive = ratings
    expected, covariance = delong_covariance(is_positive, scores)
    areas, found = reader_aucs(is_positive, scores)
    np.testing.assert_allclose(areas, expected)
    np.testing.assert_allclose(found, covariance, rtol=1e-9)


def test_variance_of_a_mean_is_that_of_the_sample():
    answers = np.random.default_rng(1).integers(0, 2, (1, 40))
    (mean,), ((variance,),) = reader_means(answers)
    assert mean == answers.mean()
    assert variance == pytest.approx(answers.var(ddof=1) / 40)


def test_strata_that_were_fixed_vary_within_alone():
    answers = np.repeat([[0.0, 1.0]], 20, axis=1)  # all of a stratum answered alike
    _, free = reader_means(answers)
    _, fixed = reader_means(answers, np.repeat([0, 1], 20))
    assert free[0, 0] > 0 and fixed[0, 0] == 0


def test_what_a_reader_did_not_answer_is_left_out_of_that_reader_alone(ratings):
    scores, is_positive = ratings
    part = scores.astype(float)
    part[0, 40:] = np.nan
    means, covariance = reader_means(part)
    assert means[0] == pytest.approx(scores[0, :40].mean())
    assert means[1] == pytest.approx(scores[1].mean())
    # Only the 40 images that both answered can make them vary together.
    first, second = scores[0, :40], scores[1]
    together = (first - first.mean()) @ (second[:40] - second.mean())
    together *= np.sqrt(40 / 39 * 60 / 59) / (40 * 60)
    assert covariance[0, 1] == pytest.approx(together)
    areas, _ = reader_aucs(is_positive, part)
    assert areas[0] == reader_aucs(is_positive[:40], scores[:1, :40])[0][0]


def test_interval_is_that_of_obuchowski_rockette_and_hillis(ratings):
    scores, is_positive = ratings
    areas, covariance = reader_aucs(is_positive, scores)
    areas = areas + np.array([-0.2, -0.1, 0.1, 0.2])  # readers differ: no bound acts
    found = mean_over_readers(areas, covariance, bounds=None)
    shared = covariance[~np.eye(4, dtype=bool)].mean()
    between = areas.var(ddof=1)
    total = between + 4 * max(shared, 0)
    reach = t.ppf(0.975, 3 * (total / between) ** 2) * np.sqrt(total / 4)
    assert found.value == pytest.approx(areas.mean())
    assert (found.low, found.high) == pytest.approx(
        (areas.mean() - reach, areas.mean() + reach)
    )


def test_readers_who_agree_by_luck_do_not_make_the_interval_narrow():
    covariance = np.eye(3) * 0.01  # alone each has a standard error of 0.1
    found = mean_over_readers([0.5, 0.5, 0.5], covariance, bounds=None)
    assert found.high - 0.5 > 0.1 * 1.96 / np.sqrt(3)


def test_interval_stays_within_what_can_be():
    covariance = np.full((3, 3), 0.0001) + np.eye(3) * 0.0001
    found = mean_over_readers([0.97, 0.98, 0.99], covariance)
    assert 0.5 < found.low < found.value < found.high < 1
    rating = mean_over_readers([4.8, 4.9, 4.95], covariance, bounds=(1, 5))
    assert 1 < rating.low < rating.high < 5


def test_what_has_no_interval_says_why():
    assert mean_over_readers([0.7], [[0.01]]).reason == ONE_READER
    assert mean_over_readers([1.0, 1.0], np.zeros((2, 2))).reason == ALL_ALIKE
    assert np.isnan(mean_over_readers([1.0, 1.0], np.zeros((2, 2))).low)
    means, covariance = reader_means(np.ones((2, 1)))
    assert mean_over_readers(means, covariance).reason == TOO_FEW_IMAGES
    nobody = mean_over_readers([np.nan], [[np.nan]])
    assert nobody.n_readers == 0 and np.isnan(nobody.value)
    mixed = mean_over_readers(
        [0.5, np.nan], np.array([[0.01, np.nan], [np.nan, np.nan]])
    )
    assert mixed.n_readers == 1 and mixed.low < 0.5


def test_a_reader_who_hardly_began_takes_nobodys_interval():
    answers = np.random.default_rng(3).integers(0, 2, (3, 30)).astype(float)
    begun = np.vstack([answers, np.full(30, np.nan)])
    begun[3, 0] = 1.0
    strata = np.repeat([0, 1], 15)
    found = mean_over_readers(*reader_means(begun, strata))
    assert found == mean_over_readers(*reader_means(answers, strata))
    assert found.n_readers == 3
