import numpy as np
import pytest

from keras_derm.evaluation import agreement, self_agreement

# Fleiss' kappa of this table is 0.210 (en.wikipedia.org/wiki/Fleiss'_kappa): 14 raters,
# 10 subjects, 5 categories.
COUNTS = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]
# Krippendorff (2011), Computing Krippendorff's alpha-reliability, section C: four
# observers, twelve units, values missing; alpha is 0.743 nominal and 0.849 interval.
NAN = np.nan
KRIPPENDORFF = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
    [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
]


def test_fleiss_kappa_is_that_of_the_published_table():
    answers = np.array([np.repeat(range(5), row) for row in COUNTS]).T
    found = agreement(answers, n_replicates=20)["Fleiss kappa"]
    assert found["value"] == pytest.approx(0.210, abs=5e-4)
    assert found["low"] < found["value"] < found["high"] and found["n"] == 10


@pytest.mark.parametrize("ordered, alpha", [(False, 0.743), (True, 0.849)])
def test_alpha_is_that_of_krippendorffs_example(ordered, alpha):
    found = agreement(KRIPPENDORFF, ordered, n_replicates=20)
    assert found["Krippendorff alpha"]["value"] == pytest.approx(alpha, abs=5e-4)
    assert ("Fleiss kappa" in found) != ordered


def test_cohen_kappa_of_a_closed_form():
    # Of 50 both say yes to 20 and no to 15, so alike 0.7, by chance 0.5: kappa 0.4.
    first = np.repeat([1, 1, 0, 0], [20, 5, 10, 15])
    second = np.repeat([1, 0, 1, 0], [20, 5, 10, 15])
    pair = agreement([first, second], n_replicates=20)["Cohen kappa, mean of pairs"]
    assert pair["value"] == pytest.approx(0.4)
    alone = self_agreement(first, second, n_replicates=20)
    assert alone["Cohen kappa"]["value"] == pytest.approx(0.4)
    assert alone["share that is alike"]["value"] == pytest.approx(0.7)


def test_quadratic_weights_forgive_a_near_miss():
    first = np.tile([1, 2, 3, 4, 5, 6], 4)
    near, far = np.clip(first + 1, 1, 6), (first + 2) % 6 + 1
    close = self_agreement(first, near, ordered=True, n_replicates=10)
    apart = self_agreement(first, far, ordered=True, n_replicates=10)
    assert close["Cohen kappa"]["value"] > 0.8 > apart["Cohen kappa"]["value"]


def test_agreement_that_cannot_be_known_says_why():
    few = agreement([[1, 2, NAN, 1], [1, NAN, 2, 1]])["Krippendorff alpha"]
    assert np.isnan(few["value"]) and few["n"] == 2 and "fewer than 5" in few["reason"]
    alike = agreement(np.ones((3, 9)), n_replicates=10)["Fleiss kappa"]
    assert np.isnan(alike["value"]) and "not defined" in alike["reason"]
    with pytest.raises(ValueError, match="Received: 1"):
        agreement([[1, 2, 3]])
