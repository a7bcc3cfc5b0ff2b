import numpy as np
import pytest

from keras_derm.evaluation.statistics.raking import effective_n, rake


def test_one_margin_is_post_stratification():
    """30 of 40 shall be half: 20 / 30 each; 10 of 40 half: 20 / 10."""
    weights, imbalance = rake([[30.0], [10.0]], [[0, 1]], [[0.5, 0.5]])
    assert weights[:, 0] == pytest.approx([2 / 3, 2])
    assert imbalance == pytest.approx(0)


def test_two_margins_are_met_by_a_factor_for_each_level():
    """What raking is: both margins hold, and no cell has a weight of its own."""
    counts = np.random.default_rng(0).integers(5, 40, (3 * 4, 6)).astype(float)
    row, column = np.divmod(np.arange(12), 4)
    shares = [0.2, 0.3, 0.5], [0.4, 0.3, 0.2, 0.1]
    weights, imbalance = rake(counts, [row, column], shares)
    table = (weights * counts).reshape(3, 4, 6) / counts.sum(axis=0)
    assert table.sum(axis=1) == pytest.approx(np.tile(shares[0], (6, 1)).T)
    assert table.sum(axis=0) == pytest.approx(np.tile(shares[1], (6, 1)).T)
    logs = np.log(weights).reshape(3, 4, 6)
    additive = logs.mean(axis=0) + logs.mean(axis=1)[:, None] - logs.mean(axis=(0, 1))
    assert logs == pytest.approx(additive)
    assert (weights * counts).sum(axis=0) == pytest.approx(counts.sum(axis=0))
    assert imbalance.max() < 1e-9


def test_replicates_are_weighed_each_for_itself():
    counts = np.random.default_rng(0).integers(1, 9, (6, 20)).astype(float)
    margins = [0, 0, 1, 1, 2, 2], [0, 1, 0, 1, 0, 1]
    shares = [0.5, 0.3, 0.2], [0.6, 0.4]
    together, _ = rake(counts, margins, shares)
    alone = [rake(column[:, None], margins, shares)[0][:, 0] for column in counts.T]
    assert together == pytest.approx(np.stack(alone, axis=1))


def test_where_weights_begin_changes_nothing():
    counts = np.random.default_rng(0).integers(5, 9, (4, 3)).astype(float)
    given = [[0, 0, 1, 1], [0, 1, 0, 1]], [[0.5, 0.5], [0.6, 0.4]]
    first, _ = rake(counts, *given)
    again, _ = rake(counts, *given, start=first[:, :1])
    assert again == pytest.approx(first)


def test_one_image_cannot_stand_for_half():
    """Cut at five times the mean, it stands for 5 of 100."""
    weights, imbalance = rake([[99.0], [1.0]], [[0, 1]], [[0.5, 0.5]])
    assert weights[1, 0] == pytest.approx(5)
    assert imbalance[0] == pytest.approx(0.45)


def test_an_absent_level_is_told_as_imbalance():
    weights, imbalance = rake([[10.0], [10.0], [0.0]], [[0, 1, 2]], [[0.4, 0.4, 0.2]])
    assert weights[:2, 0] == pytest.approx([1, 1])
    assert imbalance[0] == pytest.approx(0.2)


def test_effective_n_after_kish():
    assert effective_n(np.ones(7)) == 7
    assert effective_n([1, 1, 2]) == pytest.approx(16 / 6)
    assert effective_n(3 * np.array([1, 1, 2])) == pytest.approx(16 / 6)
    assert effective_n(np.zeros((3, 2))).tolist() == [0, 0]
