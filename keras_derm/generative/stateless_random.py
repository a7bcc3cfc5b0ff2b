"""Random numbers of a seed, the same with XLA and without.

`tf.random.stateless_uniform` and `stateless_normal` turn the same random bits into
other numbers in a step that XLA compiles, and draw other bits where the algorithm is
left to TensorFlow. Here the bits are Philox's everywhere, and what is made of them
are the numbers that TensorFlow makes without XLA.
"""

import math

import tensorflow as tf

ALGORITHM = "philox"
N_BITS = 23  # Of a float32's fraction.


def split(seed, n):
    """List of `n` seeds (2,) made of the int seed (2,)."""
    return tf.unstack(tf.random.split(seed, n, alg=ALGORITHM))


def integers(shape, seed, low, high):
    """int32 tensor, uniform in [low, high)."""
    return tf.random.stateless_uniform(shape, seed, low, high, tf.int32, alg=ALGORITHM)


def uniform(shape, seed, low=0.0, high=1.0):
    """float32 tensor, uniform in [low, high)."""
    bits = tf.random.stateless_uniform(shape, seed, None, None, tf.int32, alg=ALGORITHM)
    fraction = tf.bitwise.bitwise_and(bits, 2**N_BITS - 1)
    return tf.cast(fraction, tf.float32) * 2.0**-N_BITS * (high - low) + low


def normal(shape, seed):
    """float32 tensor, normal with mean 0 and variance 1, by Box and Muller."""
    size = tf.reduce_prod(shape)
    pairs = uniform(((size + 1) // 2, 2), seed)
    radius = tf.sqrt(-2 * tf.math.log(tf.maximum(pairs[:, 0], 1e-7)))
    angle = 2 * math.pi * pairs[:, 1]
    values = tf.stack([radius * tf.sin(angle), radius * tf.cos(angle)], axis=1)
    return tf.reshape(tf.reshape(values, [-1])[:size], shape)
