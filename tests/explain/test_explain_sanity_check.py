"""A map that survives random weights explains nothing, and the check says so."""

import keras
import numpy as np
import pytest

from keras_derm.classifiers import build_ensemble
from keras_derm.explain import map_similarity, randomize_weights, sanity_check

SIZE = 24


def linear_classifier(initializer):
    """Logits that are weighted sums of the pixels: SmoothGrad shows the weights."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Flatten()(inputs)
    outputs = keras.layers.Dense(
        2, activation="softmax", kernel_initializer=initializer
    )(x)
    return keras.Model(inputs, outputs)


def convolutional_classifier():
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Normalization(mean=3.0, variance=4.0)(inputs)
    x = keras.layers.Conv2D(4, 3, activation="relu", name="first")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Conv2D(4, 3, activation="relu", name="second")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(2, "softmax", name="head")(x))


def images(n=3):
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (n, SIZE, SIZE, 3), "uint8")


def test_maps_of_learned_weights_are_destroyed():
    model = linear_classifier("glorot_uniform")
    check = sanity_check(model, images(), 0, "smooth_grad", seed=1)
    # Independent weights: the correlation of 576 pixels is 0 but for 0.04.
    assert abs(check.summary.loc["all layers", "rank_correlation"]) < 0.2
    assert check.depends_on_learning is True
    assert check.verdict().startswith("The maps depend on what was learned.")


def test_network_that_learned_nothing_is_found_out():
    """Its weights are what its initializer gives, so random ones are the same."""
    pattern = np.random.default_rng(2).normal(size=(SIZE * SIZE * 3, 2))

    @keras.saving.register_keras_serializable(package="tests")
    class Pattern(keras.initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return keras.ops.convert_to_tensor(pattern.astype("float32"))

    check = sanity_check(linear_classifier(Pattern()), images(), 1, "smooth_grad")
    np.testing.assert_allclose(check.summary.drop("another image"), 1, atol=1e-3)
    assert check.depends_on_learning is False
    assert check.verdict().startswith("The maps do not depend enough")


def test_every_stage_has_its_maps_and_a_row_for_every_image():
    check = sanity_check([convolutional_classifier()] * 2, images(3), [0, 1, 0])
    stages = ["output layer", "upper half", "all layers"]
    assert list(check.maps) == ["trained", *stages]
    assert list(check.summary.index) == [*stages, "another image"]
    assert all(maps.shape == (3, SIZE, SIZE) for maps in check.maps.values())
    draws = check.table.groupby(["stage", "image"], sort=False)["draw"].max() + 1
    expected = [(stage, k) for stage in (*stages, "another image") for k in range(3)]
    assert list(draws.index) == expected
    assert list(draws) == [1] * 6 + [3] * 3 + [1] * 3
    again = sanity_check([convolutional_classifier()] * 2, images(1), 0)
    assert "another image" not in again.summary.index


def test_maps_of_random_members_are_weighed_as_the_ensemble_does():
    members = [convolutional_classifier() for _ in range(2)]
    ensemble = build_ensemble(members, SIZE, [1.0, 0.0])
    check = sanity_check(ensemble, images(), 0, seed=3, n_draws=1)
    alone = sanity_check(members[0], images(), 0, seed=3, n_draws=1)
    for stage, maps in alone.maps.items():
        np.testing.assert_allclose(check.maps[stage], maps, atol=1e-5)


def test_layers_forget_from_the_output_down_and_the_model_keeps_its_weights():
    model = convolutional_classifier()
    model.get_layer("norm").set_weights([np.full(4, v, "float32") for v in range(1, 5)])
    before = model.get_weights()

    def forgotten(share):
        copy = randomize_weights(model, share, seed=3)
        names = ("first", "norm", "second", "head")
        pairs = [(model.get_layer(name), copy.get_layer(name)) for name in names]
        return [
            not all(map(np.array_equal, one.get_weights(), other.get_weights()))
            for one, other in pairs
        ]

    assert forgotten(0) == [False, False, False, True]
    assert forgotten(0.5) == [False, False, True, True]
    assert forgotten(1) == [True, True, True, True]
    for kept, value in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(kept, value)


def test_new_weights_are_those_of_the_initializer_and_of_the_seed():
    model = convolutional_classifier()
    model.get_layer("norm").set_weights([np.full(4, 9.0)] * 4)
    copy = randomize_weights(model, seed=3)
    kernel = copy.get_layer("second").get_weights()[0]
    assert 0 < np.abs(kernel).max() <= np.sqrt(6 / (36 + 36))  # Glorot's bound
    fresh = [np.full(4, value) for value in (1, 0, 0, 1)]
    np.testing.assert_array_equal(copy.get_layer("norm").get_weights(), fresh)
    for seed, same in ((3, True), (4, False)):
        other = randomize_weights(model, seed=seed).get_layer("second").get_weights()[0]
        assert np.array_equal(kernel, other) == same
    with pytest.raises(ValueError, match="Received: 1.5"):
        randomize_weights(model, 1.5)


def test_similarity_of_maps():
    rising = np.linspace(0, 1, 64).reshape(1, 8, 8)
    order, structure = map_similarity(rising, rising**3)
    np.testing.assert_allclose(order, 1)  # the same order of the pixels
    assert 0.5 < structure[0] < 1
    np.testing.assert_allclose(map_similarity(rising, 1 - rising)[0], -1)
    np.testing.assert_allclose(map_similarity(rising, rising)[1], 1)
    assert map_similarity(rising, np.zeros((1, 8, 8)))[0] == 0
    assert np.isnan(map_similarity(np.zeros((1, 8, 8)), rising)).all()
    with pytest.raises(ValueError, match="Received:"):
        map_similarity(rising, rising[0])


def test_nothing_is_said_of_maps_without_evidence():
    black = np.zeros((2, SIZE, SIZE, 3))
    check = sanity_check(linear_classifier("zeros"), black, 0, "smooth_grad")
    assert check.depends_on_learning is None
    assert "nothing could be checked" in check.verdict()
