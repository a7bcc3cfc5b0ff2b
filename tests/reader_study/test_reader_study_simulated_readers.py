"""Simulated readers have the skill that they are said to have."""

import numpy as np
import pytest

from keras_derm.evaluation import mean_over_readers, reader_aucs, reader_means
from keras_derm.reader_study import SimulatedReaders, half_width, plan_table

IS_SYNTHETIC = np.arange(100) % 2 == 1


@pytest.mark.parametrize(
    "readers",
    [
        SimulatedReaders(1.0),
        SimulatedReaders(2.0, reader_sd=0.5, criterion_sd=0.6, image_share=0.1),
    ],
)
def test_skill_is_the_one_that_is_said(readers):
    generator = np.random.default_rng(0)
    ratings = readers.ratings(3000, IS_SYNTHETIC, generator)
    for _ in range(19):  # other images too
        more = readers.ratings(3000, IS_SYNTHETIC, generator)
        ratings = np.concatenate([ratings, more])
    accuracy = ((ratings > 3) == IS_SYNTHETIC).mean()
    assert accuracy == pytest.approx(readers.accuracy, abs=0.015)
    areas, _ = reader_aucs(IS_SYNTHETIC, ratings[::60])
    assert areas.mean() == pytest.approx(readers.auc, abs=0.015)


def test_guessing_is_half_right():
    blind = SimulatedReaders(0.0)
    assert blind.accuracy == pytest.approx(0.5) and blind.auc == pytest.approx(0.5)


def test_images_that_mislead_all_make_readers_alike():
    def correlation(share):
        readers = SimulatedReaders(1.0, 0.0, 0.0, image_share=share)
        ratings = readers.ratings(2, np.ones(4000, bool), np.random.default_rng(1))
        return np.corrcoef(ratings)[0, 1]

    assert correlation(0.0) == pytest.approx(0, abs=0.06)
    assert correlation(0.8) == pytest.approx(0.8, abs=0.06)


def test_intervals_hold_the_truth():
    """As benchmarks/reader_study_coverage.py, with fewer studies."""
    readers, generator, n = SimulatedReaders(1.0), np.random.default_rng(0), 250
    held = {"accuracy": 0, "auc": 0}
    for _ in range(n):
        ratings = readers.ratings(3, IS_SYNTHETIC, generator)
        right = (ratings > 3) == IS_SYNTHETIC
        accuracy = mean_over_readers(*reader_means(right, IS_SYNTHETIC))
        area = mean_over_readers(*reader_aucs(IS_SYNTHETIC, ratings))
        held["accuracy"] += accuracy.low <= readers.accuracy <= accuracy.high
        held["auc"] += area.low <= readers.auc <= area.high
    # Three standard errors of a share of 0.95 in 250 are 0.041.
    assert min(held.values()) / n > 0.95 - 0.041


@pytest.mark.parametrize("n_readers, n_pictures", [(5, 100), (10, 200)])
def test_a_plan_is_as_wide_as_the_intervals_that_come_of_it(n_readers, n_pictures):
    readers, generator = SimulatedReaders(1.0), np.random.default_rng(2)
    is_synthetic = np.arange(n_pictures) % 2 == 1
    skills, shared, widths = [], [], []
    for _ in range(150):
        ratings = readers.ratings(n_readers, is_synthetic, generator)
        means, covariance = reader_means((ratings > 3) == is_synthetic, is_synthetic)
        found = mean_over_readers(means, covariance)
        widths.append((found.high - found.low) / 2)
        own = np.trace(covariance) / n_readers
        between = (covariance.sum() - n_readers * own) / n_readers / (n_readers - 1)
        skills.append(means.var(ddof=1) - own + between)
        shared.append(between / own)
    planned = half_width(
        n_readers,
        n_pictures,
        readers.accuracy,
        np.sqrt(max(np.mean(skills), 0)),
        np.mean(shared),
    )
    assert planned == pytest.approx(np.mean(widths), rel=0.12)


def test_auc_of_one_reader_has_the_variance_of_hanley_and_mcneil():
    # Radiology 143 (1982), table II: AUC 0.7, 50 and 50 images, standard error 0.0523.
    alone = half_width(10_000, 100, 0.7, reader_sd=0.0, image_share=0.999, auc=True)
    assert alone / 1.96 == pytest.approx(0.0523, abs=2e-4)


@pytest.mark.parametrize(
    "size, expected",
    [((1, 100), {}), ((3, 1), {}), ((3, 100), {"value": 1.0})],
)
def test_a_plan_of_what_cannot_be_is_refused(size, expected):
    with pytest.raises(ValueError, match="Received"):
        half_width(*size, **expected)


def test_more_readers_and_more_pictures_are_more_precise():
    table, smallest = plan_table(0.05, value=0.7)
    assert (np.diff(table.to_numpy()[2:], axis=0) < 0).all()
    assert table.loc[smallest[0], smallest[1]] <= 0.05
    fewer = [
        (r, n)
        for r in table.index
        for n in table
        if r * n < smallest[0] * smallest[1] and table.loc[r, n] <= 0.05
    ]
    assert fewer == []
    assert plan_table(0.001)[1] is None
