import numpy as np
import pytest
from scipy.stats import binom

from keras_derm.evaluation import mcnemar_test


def decisions(both, only_a, only_b, neither):
    a = np.repeat([True, True, False, False], [both, only_a, only_b, neither])
    b = np.repeat([True, False, True, False], [both, only_a, only_b, neither])
    return a, b


def test_exact_p_value_of_a_published_table():
    # Airway hyper-responsiveness before and after transplantation (Bentur et al.), in
    # Fagerland, Lydersen and Laake (2013): 1 against 7 pairs, exact p = 0.070.
    found = mcnemar_test(*decisions(1, 1, 7, 12))
    assert (found.only_a, found.only_b) == (1, 7)
    assert found.p_value == pytest.approx(0.0703, abs=5e-5)
    assert found.p_value == pytest.approx(2 * binom.cdf(1, 8, 0.5))


def test_approval_of_the_prime_minister():
    # Agresti, Categorical Data Analysis: 150 changed to disapproval, 86 the other way;
    # z = 4.2 and a p-value far below 0.0001.
    found = mcnemar_test(*decisions(794, 150, 86, 570))
    assert found.p_value < 1e-4


def test_models_that_never_differ():
    assert mcnemar_test(*decisions(5, 0, 0, 3)).p_value == 1


def test_ten_photographs_of_one_lesion_count_once():
    a, b = decisions(0, 0, 10, 0)
    assert mcnemar_test(a, b).p_value < 0.01
    by_lesion = mcnemar_test(a, b, groups=np.zeros(10))
    assert (by_lesion.only_a, by_lesion.only_b, by_lesion.p_value) == (0, 1, 1)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"Received: shapes \(2,\) and \(3,\)"):
        mcnemar_test([True] * 2, [True] * 3)
