"""Networks whose batch normalisation trains fused."""

import keras

from keras_derm.fused_batch_normalization import FusedBatchNormalization


def fuse_batch_normalization(network):
    """Return a copy of a functional model, weights included, that trains fused.

    Args:
        network: Functional `keras.Model` of one input.

    Returns:
        `keras.Model` with the same layers under the same names, in which every
        `BatchNormalization` is a `FusedBatchNormalization`.
    """

    def copied(layer):
        fused = type(layer) is keras.layers.BatchNormalization
        kind = FusedBatchNormalization if fused else type(layer)
        return kind.from_config(layer.get_config())

    copy = keras.models.clone_model(network, clone_function=copied)
    copy.set_weights(network.get_weights())
    return copy
