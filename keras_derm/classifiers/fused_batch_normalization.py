"""Networks whose batch normalisation trains fused."""

import keras

from keras_derm.fused_batch_normalization import FusedBatchNormalization
from keras_derm.layer_weights import set_weights

SCALING = (keras.layers.Rescaling, keras.layers.Normalization)


def fuse_batch_normalization(network):
    """Return a copy of a functional model, weights included, that trains fused.

    Args:
        network: Functional `keras.Model` of one input.

    Returns:
        `keras.Model` with the same layers under the same names, in which every
        `BatchNormalization` is a `FusedBatchNormalization`. What scales the images
        computes in float32, whatever the precision of the network: eight bits of
        colour do not fit into bfloat16 once they are no integers.
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
