"""Modality dropout: inputs of a network that are there are withheld in training."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_derm")
class RandomAbsence(keras.layers.Layer):
    """Withhold inputs at random in training, so that a network learns to do without.

    Each input that is there is withheld with the same probability, but never all of an
    example: it then keeps what it had. Nothing is done at inference.

    Args:
        rate: Probability of each input to be withheld, in [0, 1).
        seed: Integer for a repeatable sequence, or None.

    Input: (batch, inputs), 1 where an input is there and 0 where it is not. Output: the
    same with fewer ones.

    Example:
        >>> given = RandomAbsence(0.2, seed=0)(given, training=True)

    Reference:
        Neverova et al., ModDrop: adaptive multi-modal gesture recognition, IEEE TPAMI
        2016.
    """

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"`rate` must be in [0, 1). Received: {rate}")
        self.rate, self.seed = rate, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, given, training=False):
        if not training or not self.rate:
            return given
        drawn = keras.random.uniform(ops.shape(given), seed=self.generator)
        left = given * ops.cast(drawn >= self.rate, given.dtype)
        any_left = ops.any(left > 0, axis=-1, keepdims=True)
        return ops.where(any_left, left, given)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {"rate": self.rate, "seed": self.seed}
