import numpy as np
import pytest
import tensorflow as tf

from keras_derm.generative import stateless_random

SEEDS = [[3, 7], [-1045986709, 1091324095]]
PHILOX = {"alg": "philox"}
DRAWS = {
    "normal": (
        lambda seed: stateless_random.normal((5, 3), seed),
        lambda seed: tf.random.stateless_normal((5, 3), seed, **PHILOX),
    ),
    "uniform": (
        lambda seed: stateless_random.uniform((5, 3), seed, -2, 3),
        lambda seed: tf.random.stateless_uniform((5, 3), seed, -2, 3, **PHILOX),
    ),
    "integers": (
        lambda seed: stateless_random.integers((5, 3), seed, -2, 3),
        lambda seed: tf.random.stateless_uniform(
            (5, 3), seed, -2, 3, tf.int32, **PHILOX
        ),
    ),
    "split": (
        lambda seed: tf.stack(stateless_random.split(seed, 3)),
        lambda seed: tf.random.split(seed, 3, **PHILOX),
    ),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", DRAWS)
def test_numbers_are_those_of_tensorflow_with_xla_and_without(name, seed):
    ours, tensorflow = DRAWS[name]
    seed = tf.Variable(seed)  # Of a constant, TensorFlow computes without XLA.
    expected = tensorflow(seed)
    np.testing.assert_allclose(ours(seed), expected, atol=1e-6)
    with_xla = tf.function(ours, jit_compile=True)
    np.testing.assert_allclose(with_xla(seed), expected, atol=1e-6)
