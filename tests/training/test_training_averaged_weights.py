"""Statistics that belong to averages of the weights."""

import keras
import numpy as np
import pytest

from keras_derm.training.averaged_weights import BatchStatistics


def test_statistics_of_nested_networks_are_measured_too_and_put_back():
    normalisation = keras.layers.BatchNormalization()
    inner = keras.Sequential([keras.Input((3,)), normalisation])
    inputs = keras.Input((3,))
    model = keras.Model(inputs, inner(inputs))
    features = np.random.default_rng(0).normal(5, 2, (64, 3)).astype("float32")
    before = [np.asarray(one) for one in normalisation.non_trainable_variables]
    with BatchStatistics(model).measured([(features,)]):
        found = np.asarray(normalisation.moving_mean)
        assert found == pytest.approx(features.mean(axis=0), abs=1e-4)
        found = np.asarray(normalisation.moving_variance)
        assert found == pytest.approx(features.var(axis=0), rel=1e-3)
    after = [np.asarray(one) for one in normalisation.non_trainable_variables]
    assert all(map(np.array_equal, before, after))
