"""Where in a network the feature maps lie that an attention map reads."""

import keras

from keras_derm.networks import crossing_tensors

PASSED_OVER = (keras.layers.InputLayer, keras.layers.ZeroPadding2D)


def feature_layers(model, least_regions=1):
    """Find the last feature maps of a classifier that are fine enough.

    All that the network tells of the image passes through the layers found: one layer
    as a rule, several where a network has ways past every single one, as NASNet.

    Args:
        model: Flat functional classifier.
        least_regions: Least positions along each side of the feature maps. With 1 they
            are those that the classifier pools, or earlier ones where the images are
            so small that the backbone leaves a single position.

    Returns:
        List of layers, behind the first convolution. Where none has as many positions,
        those with the most.

    Raises:
        ValueError: If there is none with more than one position.

    Example:
        >>> (layer,) = feature_layers(build_classifier("MobileNetV2", 7, 96), 12)
        >>> layer.name, layer.output.shape[1:3]
        ('block_6_expand_relu', (12, 12))
    """
    layers = _behind_first_convolution(model)
    found = []
    for position, tensors in enumerate(crossing_tensors(model)):
        if tensors and all(id(tensor) in layers for tensor in tensors):
            side = min(side or 0 for t in tensors for side in t.shape[1:3])
            rank = side if side >= least_regions else -side
            key = (side < least_regions, rank, len(tensors), -position)
            found.append((key, [layers[id(tensor)] for tensor in tensors]))
    if not found:
        raise ValueError(
            "The model has no feature maps: class activation maps need a convolutional "
            f"classifier. Received: {model.name} with layers "
            f"{[layer.name for layer in model.layers]}"
        )
    return min(found, key=lambda one: one[0])[1]


def _behind_first_convolution(model):
    """Layers by the id of their output, where that has several positions."""
    layers, convolved = {}, False
    for layer in model.layers:
        convolved = convolved or any(len(w.shape) == 4 for w in layer.weights)
        shape = getattr(getattr(layer, "output", None), "shape", ())
        spatial = len(shape) == 4 and tuple(shape[1:3]) != (1, 1)
        if convolved and spatial and not isinstance(layer, PASSED_OVER):
            layers[id(layer.output)] = layer
    return layers
