import keras
import numpy as np
import pytest
from sklearn.metrics import log_loss

from keras_derm.classifiers import (
    build_ensemble,
    ensemble_members,
    ensemble_weights,
    fit_ensemble_weights,
    load_classifier,
)


def members_of(n_images=4000):
    """Truth drawn from 0.7 of the first member's and 0.3 of the second's classes."""
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet([0.5, 0.5, 0.5], (3, n_images))
    mixed = 0.7 * probabilities[0] + 0.3 * probabilities[1]
    drawn = generator.uniform(size=(n_images, 1)) > mixed.cumsum(axis=1)
    return drawn.sum(axis=1), probabilities


def test_weights_of_a_mixture_are_found_again():
    weights = fit_ensemble_weights(*members_of())
    np.testing.assert_allclose(weights, [0.7, 0.3, 0.0], atol=0.04)
    assert weights.sum() == pytest.approx(1) and (weights >= 0).all()


def test_no_other_weights_have_less_log_loss():
    targets, probabilities = members_of(300)
    found = fit_ensemble_weights(targets, probabilities)

    def loss(weights):
        return log_loss(targets, np.tensordot(weights, probabilities, 1))

    others = np.random.default_rng(1).dirichlet([1, 1, 1], 200)
    assert loss(found) <= min(loss(weights) for weights in others) + 1e-9


def test_a_member_that_is_always_right_gets_all():
    targets = np.array([0, 1, 1, 0])
    right = np.where(np.eye(2)[targets] > 0, 0.99, 0.01)
    weights = fit_ensemble_weights(targets, [right, 1 - right])
    np.testing.assert_allclose(weights, [1, 0], atol=1e-6)


def small(seed, side=8):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((side, side, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    outputs = keras.layers.Dense(3, "softmax", name="probabilities")(x)
    return keras.Model(inputs, outputs, name="small")


def test_weighted_ensemble_is_one_file_with_its_weights(tmp_path):
    members = [small(1), small(2)]  # of one name, as two seeds of a backbone are
    ensemble = build_ensemble(members, 8, [0.75, 0.25])
    ensemble.save(tmp_path / "ensemble.keras")
    loaded = load_classifier(tmp_path / "ensemble.keras")
    images = np.random.default_rng(0).uniform(0, 255, (4, 8, 8, 3)).astype("float32")
    one, other = (np.asarray(member(images)) for member in members)
    np.testing.assert_allclose(loaded(images), 0.75 * one + 0.25 * other, atol=1e-6)
    assert ensemble_weights(loaded) == [0.75, 0.25]
    assert [member.name for member in ensemble_members(loaded)] == ["small", "small_2"]


def test_plain_ensembles_weigh_members_the_same():
    assert ensemble_weights(build_ensemble([small(1), small(2)], 8)) == [0.5, 0.5]
    assert ensemble_weights(small(1)) == [1.0]


def test_weights_go_with_their_members_whatever_their_sizes(tmp_path):
    sides, weights = (8, 16, 12), [0.5, 0.3, 0.2]
    members = [small(seed, side) for seed, side in enumerate(sides)]
    build_ensemble(members, 16, weights).save(tmp_path / "ensemble.keras")
    ensemble = load_classifier(tmp_path / "ensemble.keras")
    found = ensemble_members(ensemble)
    assert [member.input_shape[1] for member in found] == list(sides)
    assert ensemble_weights(ensemble) == weights
    assert ensemble_weights([ensemble, small(3)]) == [0.25, 0.15, 0.1, 0.5]


@pytest.mark.parametrize("weights", [[0.5, 0.6], [1.5, -0.5], [1.0], [0.2, 0.3, 0.5]])
def test_weights_off_the_simplex_are_refused(weights):
    with pytest.raises(ValueError, match="Received: "):
        build_ensemble([small(1), small(2)], 8, weights)


def test_probabilities_of_other_images_are_refused():
    with pytest.raises(ValueError, match=r"Received: \(2, 3, 4\) for 5"):
        fit_ensemble_weights(np.zeros(5, int), np.ones((2, 3, 4)))
