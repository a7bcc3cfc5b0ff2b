import numpy as np
import pytest

from keras_derm.evaluation import benjamini_hochberg, holm

# Benjamini and Hochberg (1995), section 4.1: 15 p-values of a trial of thrombolysis.
THROMBOLYSIS = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
THROMBOLYSIS += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.000]


def test_published_example_rejects_three_by_holm_and_four_by_false_discovery():
    assert (holm(THROMBOLYSIS) <= 0.05).sum() == 3
    assert (benjamini_hochberg(THROMBOLYSIS) <= 0.05).sum() == 4


def test_holm_step_by_step():
    # 4 x 0.005, 3 x 0.01, 2 x 0.03, and the last not below the one before it.
    adjusted = holm([0.01, 0.04, 0.03, 0.005])
    assert np.allclose(adjusted, [0.03, 0.06, 0.06, 0.02])
    assert holm([0.7, 0.8]).tolist() == [1, 1]


def test_what_could_not_be_tested_does_not_count():
    adjusted = holm([0.01, np.nan, 0.04])
    assert np.allclose(adjusted, [0.02, np.nan, 0.04], equal_nan=True)
    assert np.isnan(benjamini_hochberg([np.nan])).all()
    with pytest.raises(ValueError, match=r"Received: \[1.5\]"):
        holm([1.5])


def test_holm_keeps_the_chance_of_any_false_claim():
    generator = np.random.default_rng(0)
    p_values = generator.random((4000, 20))
    wrong = np.mean([(holm(row) < 0.05).any() for row in p_values])
    assert wrong == pytest.approx(0.05, abs=0.01)
    assert (p_values < 0.05).any(axis=1).mean() > 0.6
