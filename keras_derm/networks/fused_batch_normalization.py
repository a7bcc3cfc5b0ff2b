"""Batch normalisation by TensorFlow's fused kernel in training too."""

import contextlib
import contextvars

import keras
import tensorflow as tf

from keras_derm.networks.layer_weights import set_weights

SCALING = (keras.layers.Rescaling, keras.layers.Normalization)

_RECOMPUTING = contextvars.ContextVar("recomputing", default=False)


@contextlib.contextmanager
def recomputing(again=True):
    """Leave moving statistics as they are within this context.

    Args:
        again: Whether the batch has been seen before; if not, they move as usual.
    """
    token = _RECOMPUTING.set(again)
    try:
        yield
    finally:
        _RECOMPUTING.reset(token)


@keras.saving.register_keras_serializable(package="keras_derm")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` that trains with one kernel.

    Keras 3 computes the moments of a batch and the normalisation as separate
    operations, each of which reads or writes the whole feature map; on a CPU that
    takes longer than the convolutions of a MobileNetV2. The fused kernel gives the
    same outputs, gradients and moving statistics. In inference, with a mask, with
    renormalisation and on other than (batch, height, width, channels) it is Keras'
    own layer. `benchmarks/batch_norm_speed.py` measures the difference.

    Args:
        **kwargs: Arguments of `keras.layers.BatchNormalization`.

    Example:
        >>> layer = FusedBatchNormalization(momentum=0.9)
        >>> normalized = layer(feature_maps, training=True)
    """

    def call(self, inputs, training=None, mask=None):
        fusible = mask is None and len(inputs.shape) == 4 and self.axis in (3, -1)
        if not training or not self.trainable or self.renorm or not fusible:
            return super().call(inputs, training=training, mask=mask)
        channels = inputs.shape[-1]
        gamma = self.gamma if self.scale else tf.ones(channels)
        beta = self.beta if self.center else tf.zeros(channels)
        result = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=tf.cast(gamma, tf.float32),
            offset=tf.cast(beta, tf.float32),
            mean=tf.zeros([0]),
            variance=tf.zeros([0]),
            epsilon=self.epsilon,
            is_training=True,
        )
        if _RECOMPUTING.get():
            return tf.cast(result.y, self.compute_dtype)
        # The kernel divides by n - 1 where Keras divides by n.
        n = tf.cast(tf.size(inputs) // channels, tf.float32)
        variance = result.batch_variance * (n - 1) / n
        for moving, batch in (
            (self.moving_mean, result.batch_mean),
            (self.moving_variance, variance),
        ):
            now = tf.cast(moving, tf.float32)
            moving.assign(now * self.momentum + batch * (1.0 - self.momentum))
        return tf.cast(result.y, self.compute_dtype)


def fuse_batch_normalization(network):
    """Return a copy of a functional model, weights included, that trains fused.

    Args:
        network: Functional `keras.Model` of one input.

    Returns:
        `keras.Model` with the same layers under the same names, in which every
        `BatchNormalization` is a `FusedBatchNormalization`. The layers that scale the
        images compute in float32, whatever the precision of the network: eight bits
        of colour do not fit into bfloat16 once they are no integers.
    """

    def copied(layer):
        fused = type(layer) is keras.layers.BatchNormalization
        kind = FusedBatchNormalization if fused else type(layer)
        config = layer.get_config()
        if isinstance(layer, SCALING):
            config["dtype"] = "float32"
        return kind.from_config(config)

    copy = keras.models.clone_model(network, clone_function=copied)
    set_weights(copy, network.get_weights())
    return copy
