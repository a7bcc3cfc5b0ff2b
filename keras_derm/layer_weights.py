"""Give the weights of one layer or model to another."""

import keras


def set_weights(layer, weights):
    """Set weights as `layer.set_weights` does, and what layers make of them.

    `keras.layers.Normalization` computes with a mean and a variance that it takes from
    its weights only when they are adapted or read from a file.

    Args:
        layer: Layer or model, nested or not.
        weights: List of arrays, as `get_weights` returns them.
    """
    layer.set_weights(weights)
    _finalize(layer)


def _finalize(layer):
    if isinstance(layer, keras.Model):
        for inner in layer.layers:
            _finalize(inner)
    elif isinstance(layer, keras.layers.Normalization):
        layer.finalize_state()
