import numpy as np
import pytest

from keras_derm.evaluation.statistics.power import needed_lesions, smallest_gap


def test_the_smallest_gap_is_that_of_the_tables():
    """1.95996 + 0.84162 standard errors for 80 %, 1.95996 + 1.28155 for 90 %."""
    assert smallest_gap(0.1) == pytest.approx(0.280158, abs=1e-6)
    assert smallest_gap(0.1, power=0.9) == pytest.approx(0.324151, abs=1e-6)


def test_two_proportions_take_what_the_textbook_says():
    """(1.960 + 0.842)^2 (0.85 * 0.15 + 0.80 * 0.20) / 0.05^2 = 902.6 in each group."""
    variances = 0.85 * 0.15 / 100, 0.80 * 0.20 / 100
    assert needed_lesions(variances, (100, 100)) == (903, True)


def test_beside_a_large_group_the_smaller_alone_has_to_grow():
    n, in_each = needed_lesions((0.25 / 40, 0.25 / 50_000), (40, 50_000))
    assert not in_each
    variance = (0.05 / smallest_gap(1)) ** 2
    assert 0.25 / n + 0.25 / 50_000 == pytest.approx(variance, rel=0.005)


def test_no_more_is_asked_of_the_smaller_group_than_the_larger_has():
    for n_larger in (700, 800, 1500, 3000):
        n, in_each = needed_lesions((0.2 / 50, 0.2 / n_larger), (50, n_larger))
        assert in_each == (n_larger < 1256)
        assert in_each or n <= n_larger


def test_what_is_needed_has_the_power_it_is_needed_for():
    generator = np.random.default_rng(0)
    p, q, n_larger = 0.80, 0.85, 4000
    variances = p * (1 - p) / 60, q * (1 - q) / n_larger
    n, in_each = needed_lesions(variances, (60, n_larger))
    assert not in_each
    smaller = generator.binomial(n, p, 20_000) / n
    larger = generator.binomial(n_larger, q, 20_000) / n_larger
    error = np.sqrt(smaller * (1 - smaller) / n + larger * (1 - larger) / n_larger)
    told = np.abs(smaller - larger) > 1.96 * error
    # Wald's test on so few binomial counts tells a little more often than it should.
    assert told.mean() == pytest.approx(0.80, abs=0.03)


def test_a_gap_of_nothing_and_an_empty_group_are_refused():
    with pytest.raises(ValueError, match="Received: gap=0"):
        needed_lesions((0.1, 0.1), (10, 10), gap=0)
    with pytest.raises(ValueError, match=r"n_lesions=\(0, 10\)"):
        needed_lesions((0.1, 0.1), (0, 10))
