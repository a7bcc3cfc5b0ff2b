"""Batch normalization whose scale and shift depend on a condition."""

import keras
from keras import ops

from keras_derm.networks import FusedBatchNormalization


@keras.saving.register_keras_serializable(package="keras_derm")
class ConditionalBatchNormalization(keras.layers.Layer):
    """Normalizes a feature map, then scales and shifts it by the condition.

    Inputs are a list of the feature map, shape (batch, height, width, channels),
    and the condition vector, shape (batch, features). The scale starts at 1 and the
    shift at 0 for every condition, so that the layer begins as plain batch
    normalization and rare conditions borrow what the frequent ones learned.

    Args:
        momentum: Of the moving mean and variance. 0.9 suits short training.
        epsilon: Added to the variance.

    Example:
        >>> features = ConditionalBatchNormalization()([features, condition])

    Reference:
        De Vries et al., "Modulating early visual processing by language",
        NeurIPS 2017.
    """

    def __init__(self, momentum=0.9, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= momentum < 1:
            raise ValueError(
                f"`momentum` must lie in [0, 1). Received: momentum={momentum}"
            )
        self.momentum = momentum
        self.epsilon = epsilon
        self.normalization = FusedBatchNormalization(
            momentum=momentum,
            epsilon=epsilon,
            center=False,
            scale=False,
            dtype=self.dtype_policy,  # not what is the default where it is loaded
        )

    def build(self, input_shape):
        features_shape, condition_shape = input_shape
        n_channels = features_shape[-1]
        self.normalization.build(features_shape)
        options = {"kernel_initializer": "zeros", "dtype": self.dtype_policy}
        self.scale = keras.layers.Dense(n_channels, **options)
        self.shift = keras.layers.Dense(n_channels, **options)
        self.scale.build(condition_shape)
        self.shift.build(condition_shape)

    def call(self, inputs, training=None):
        features, condition = inputs
        normalized = self.normalization(features, training=training)
        scale = ops.expand_dims(1 + self.scale(condition), (1, 2))
        shift = ops.expand_dims(self.shift(condition), (1, 2))
        return normalized * scale + shift

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        own = {"momentum": self.momentum, "epsilon": self.epsilon}
        return super().get_config() | own
