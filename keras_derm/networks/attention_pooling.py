"""Pooling of a map by how much each place says."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_derm")
class AttentionPooling(keras.layers.Layer):
    """Mean and standard deviation over the places, weighted by attention, and the mean.

    A 1 x 1 convolution gives each place a logit, which is cut at `limit` either way so
    that no place is alone.

    Args:
        limit: Largest absolute logit.

    Input: (batch, height, width, channels). Output: (batch, 3 * channels).

    Example:
        >>> pooled = AttentionPooling()(maps)
    """

    def __init__(self, limit=8.0, **kwargs):
        super().__init__(**kwargs)
        self.limit = limit
        self.logits = keras.layers.Conv2D(
            1, 1, kernel_initializer="zeros", dtype=self.dtype_policy, name="logits"
        )

    def build(self, input_shape):
        self.logits.build(input_shape)
        self.built = True

    def call(self, maps):
        logits = ops.clip(self.logits(maps), -self.limit, self.limit)
        weights = ops.exp(logits)
        weights = weights / ops.sum(weights, axis=(1, 2), keepdims=True)
        mean = ops.sum(weights * maps, axis=(1, 2), keepdims=True)
        variance = ops.sum(weights * ops.square(maps - mean), axis=(1, 2))
        deviation = ops.sqrt(variance + 1e-4)
        plain = ops.mean(maps, axis=(1, 2))
        return ops.concatenate([mean[:, 0, 0], deviation, plain], axis=-1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 3 * input_shape[-1])

    def get_config(self):
        return super().get_config() | {"limit": self.limit}
