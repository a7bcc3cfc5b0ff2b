"""Set the weights of layers, and keep them from learning."""

import contextlib

import keras


def set_weights(layer, weights):
    """Set weights as `layer.set_weights` does, and what layers derive from them.

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


def freeze(model, last_layer):
    """Keep the weights of all layers up to one as they are, for transfer learning.

    Frozen BatchNormalization uses its moving statistics. Compile afterwards.

    Args:
        model: Functional model.
        last_layer: Name of the last frozen layer.

    Raises:
        ValueError: The model has no such layer.
    """
    names = [layer.name for layer in model.layers]
    if last_layer not in names:
        raise ValueError(
            f"`last_layer` must be a layer of {model.name}, such as "
            f"{names[len(names) // 3]!r}. Received: {last_layer!r}"
        )
    for layer in model.layers[: names.index(last_layer) + 1]:
        layer.trainable = False


@contextlib.contextmanager
def frozen(model, last_layer):
    """`freeze` within this context; afterwards the layers learn that did before."""
    trainable = [layer.trainable for layer in model.layers]
    freeze(model, last_layer)
    try:
        yield
    finally:
        for layer, was_trainable in zip(model.layers, trainable, strict=True):
            layer.trainable = was_trainable
