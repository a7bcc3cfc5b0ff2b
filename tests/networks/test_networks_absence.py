"""Inputs that are not there, or are withheld in training."""

import keras
import numpy as np
import pytest

from keras_derm.networks import LearnedAbsence, RandomAbsence


def test_inputs_are_withheld_as_often_as_asked_and_never_all():
    given = np.ones((20_000, 3), "float32")
    left = np.asarray(RandomAbsence(0.3, seed=0)(given, training=True))
    assert set(np.unique(left)) == {0, 1}
    assert left.sum(axis=1).min() == 1
    # All three are drawn with 0.3 ** 3, and then all of them stay.
    assert left.mean() == pytest.approx(0.7 + 0.3**3, abs=0.01)


def test_what_is_not_there_is_not_made_up_and_nothing_is_drawn_at_inference():
    given = np.random.default_rng(0).integers(0, 2, (500, 3)).astype("float32")
    layer = RandomAbsence(0.5, seed=0)
    assert np.array_equal(np.asarray(layer(given)), given)
    left = np.asarray(layer(given, training=True))
    assert (left <= given).all()
    assert np.array_equal(left.any(axis=1), given.any(axis=1))
    assert not np.array_equal(left, given)


def test_rate_is_a_probability_below_one():
    with pytest.raises(ValueError, match=r"\[0, 1\). Received: 1"):
        RandomAbsence(1)


def test_a_learned_vector_stands_for_what_is_not_there():
    layer = LearnedAbsence()
    features = np.array([[1.0, 2.0], [np.nan, 4.0]], "float32")
    given = np.array([[1.0], [0.0]], "float32")
    layer.build([features.shape, given.shape])
    layer.set_weights([np.array([7.0, 8.0])])
    assert np.asarray(layer([features, given])).tolist() == [[1, 2], [7, 8]]


def test_both_are_saved_with_their_model(tmp_path):
    features, given = keras.Input((4,)), keras.Input((1,))
    there = RandomAbsence(0.25, seed=3, name="random")(given)
    model = keras.Model([features, given], LearnedAbsence()([features, there]))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    layer = again.get_layer("random")
    assert (layer.rate, layer.seed) == (0.25, 3)
