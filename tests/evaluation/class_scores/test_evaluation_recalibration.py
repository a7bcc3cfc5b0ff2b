import numpy as np
import pytest

from keras_derm.evaluation import (
    LabelledLesions,
    add_class_biases,
    fit_class_biases,
    fit_conformal,
)

CLASSES = ("MEL", "NV", "BCC", "BKL")
FREQUENCIES = np.array([0.1, 0.7, 0.15, 0.05])


def clinic(n, seed):
    """Lesions of which a model expects each diagnosis as often."""
    generator = np.random.default_rng(seed)
    y_true = generator.choice(4, n, p=FREQUENCIES)
    logits = generator.normal(0, 1, (n, 4)) + 2 * np.eye(4)[y_true]
    y_prob = np.exp(2 * logits)  # the odds by Bayes' rule
    y_prob /= y_prob.sum(axis=1, keepdims=True)
    return LabelledLesions(CLASSES, y_true, y_prob, np.full(n, "bright"))


def held(recalibration, lesions):
    y_prob = recalibration.probabilities(lesions.y_prob)
    member = recalibration.sets.predict(y_prob, lesions.groups)
    return member[np.arange(len(lesions)), lesions.y_true].mean()


@pytest.mark.parametrize("with_biases", [False, True])
def test_sets_hold_the_truth_of_other_lesions_as_often_as_they_promise(with_biases):
    others = clinic(4000, 0)
    found = [
        held(clinic(40, seed).fit(0.1, with_biases, seed), others)
        for seed in range(1, 61)
    ]
    assert np.mean(found) >= 0.9
    assert np.mean(found) < 0.97  # nor are they so large that they say nothing


def test_biases_make_frequent_diagnoses_more_probable_and_others_rarer():
    others, fitted = clinic(4000, 0), clinic(200, 1).fit(with_biases=True)
    assert others.y_prob.mean(axis=0)[1] < 0.6
    found = fitted.probabilities(others.y_prob)
    assert found.mean(axis=0) == pytest.approx(FREQUENCIES, abs=0.06)
    kept = clinic(200, 1).fit()
    assert kept.biases is None
    assert kept.probabilities(others.y_prob) is others.y_prob


def test_what_is_told_of_a_lesion_does_not_know_its_own_label():
    lesions = clinic(50, 3)
    told = lesions.biased_by_others(seed=5)
    fold = np.random.default_rng(5).permutation(50) % 5
    own = fold == fold[0]
    biases = fit_class_biases(lesions.y_true[~own], lesions.y_prob[~own])
    assert told[own] == pytest.approx(add_class_biases(lesions.y_prob[own], biases))
    sets = fit_conformal(
        lesions.y_true[~own], lesions.y_prob[~own], lesions.groups[~own], CLASSES
    )
    member = lesions.sets_by_others(seed=5)
    expected = sets.predict(lesions.y_prob[own], lesions.groups[own])
    assert (member[own] == expected).all()


def test_too_few_others_have_no_sets():
    assert clinic(11, 0).sets_by_others() is None
    assert clinic(12, 0).sets_by_others(with_biases=True).shape == (12, 4)
