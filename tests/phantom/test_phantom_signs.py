"""The sign model is learnable but not perfectly, and Bayes' rule is right."""

import numpy as np
import pytest

from keras_derm.catalog import DIAGNOSES8
from keras_derm.phantom.fields import generator
from keras_derm.phantom.population import DIAGNOSIS_FREQUENCIES
from keras_derm.phantom.signs import (
    GRADES,
    PRESENCE,
    Signs,
    bayes_accuracy,
    draw_signs,
    posterior,
)


def test_tables_cover_the_eight_diagnoses_and_overlap():
    assert all(len(row) == 8 for row in (*PRESENCE.values(), *GRADES.values()))
    for chances in PRESENCE.values():
        assert min(chances) > 0 and max(chances) < 1


def test_signs_occur_as_often_as_the_table_says():
    rng = generator(1)
    drawn = [draw_signs(rng, "BKL") for _ in range(1500)]
    column = DIAGNOSES8.index("BKL")
    for name, chances in PRESENCE.items():
        share = np.mean([name in signs.present for signs in drawn])
        assert share == pytest.approx(chances[column], abs=0.05)


def test_posterior_follows_bayes_rule_on_one_sign():
    """Two lesions that differ in one sign differ by that sign's odds alone."""
    grades = dict.fromkeys(GRADES, 0.4)
    without, with_it = posterior(
        [Signs(frozenset(), grades), Signs(frozenset({"lacunae"}), grades)]
    )
    chances = np.array(PRESENCE["lacunae"])
    expected = without * chances / (1 - chances)
    assert with_it == pytest.approx(expected / expected.sum())


def test_ideal_observer_is_good_but_not_perfect():
    accuracy, recall = bayes_accuracy(3000, seed=1)
    assert 0.80 < accuracy < 0.92
    assert recall.min() > 0.65 and recall.max() < 0.99


def test_ideal_observer_at_archive_frequencies():
    prior = list(DIAGNOSIS_FREQUENCIES["archive"].values())
    accuracy, recall = bayes_accuracy(4000, seed=1, prior=prior)
    assert max(prior) + 0.15 < accuracy < 0.97
    assert np.nanmean(recall) < 0.90
