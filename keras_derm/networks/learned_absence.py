"""What a network takes in place of an input that is not there."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_derm")
class LearnedAbsence(keras.layers.Layer):
    """Features of an input where it is there, a learned vector where it is not.

    Call arguments: features `(batch, channels)`, whatever they are where the input is
    absent, and `(batch, 1)`, 1 where it is there and 0 where it is not.

    Returns:
        `(batch, channels)`.

    Example:
        >>> features = LearnedAbsence()([features, given[:, :1]])
    """

    def build(self, input_shape):
        channels = input_shape[0][-1]
        self.absent = self.add_weight((channels,), "zeros", name="absent")
        self.built = True

    def call(self, inputs):
        features, given = inputs
        return ops.where(given > 0.5, features, self.absent)

    def compute_output_shape(self, input_shape):
        return input_shape[0]
