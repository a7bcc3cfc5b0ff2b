"""Describe a Keras 3 classifier so that tf_keras can build the same network.

TF-MOT knows the layers of tf_keras alone. The description is plain data, which a
process that must not load Keras 3 reads; `keras_derm.export.tf_keras.twin` builds
the network from it.
"""

from dataclasses import dataclass, replace

import numpy as np

SCALING = "image_scaling"
"""Layer of the twin that stands for all that scales the colours of the image."""

AFFINE = ("InputScaling", "Rescaling", "Normalization")

KERNEL = ("kernel_size", "strides", "padding", "dilation_rate")
DEPTHWISE = (*KERNEL, "depth_multiplier")
SETTINGS = {
    "Activation": ("activation",),
    "Add": (),
    "AveragePooling2D": ("pool_size", "strides", "padding"),
    "BatchNormalization": ("axis", "momentum", "epsilon", "center", "scale"),
    "Concatenate": ("axis",),
    "Conv2D": (*KERNEL, "filters", "groups", "activation", "use_bias"),
    "Cropping2D": ("cropping",),
    "Dense": ("units", "activation", "use_bias"),
    "DepthwiseConv2D": (*DEPTHWISE, "activation", "use_bias"),
    "Dropout": ("rate",),
    "Flatten": (),
    "GlobalAveragePooling2D": ("keepdims",),
    "GlobalMaxPooling2D": ("keepdims",),
    "MaxPooling2D": ("pool_size", "strides", "padding"),
    "Multiply": (),
    "ReLU": ("max_value", "negative_slope", "threshold"),
    "Reshape": ("target_shape",),
    "Softmax": ("axis",),
    "ZeroPadding2D": ("padding",),
}
"""Settings of the layers that both libraries have under one name."""

OTHER_NAMES = {
    "FusedBatchNormalization": "BatchNormalization",  # the same outside of training
}
ACTIVATIONS = {"silu": "swish"}
"""What tf_keras calls an activation of Keras 3, where the names differ."""

APART = {"swish"}
"""Activations that become a layer: TF-MOT gives what enters them no range otherwise."""


@dataclass
class TwinLayer:
    """One layer of the twin.

    Attributes:
        kind: Its class in `tf_keras.layers`.
        name: Its name, that of the Keras 3 layer.
        config: Arguments of its constructor.
        inputs: Names of the layers whose outputs it takes.
        weights: Its arrays, in the order of `set_weights`.
        trainable: Whether fine-tuning may change them.

    Example:
        >>> TwinLayer("Dense", "head", {"units": 2}, ["pooling"], [kernel, bias])
    """

    kind: str
    name: str
    config: dict
    inputs: list
    weights: list
    trainable: bool = True


def describe_twin(model):
    """Describe a classifier in layers of tf_keras.

    The layers that scale the image become one 1 x 1 convolution, so that int8 covers
    the network from the photograph on; a separable convolution becomes its depthwise
    and its pointwise part, and the scale of an Inception-ResNet block goes into the
    convolution before it: TF-MOT quantises these.

    Args:
        model: Flat functional Keras 3 model of one image input, such as
            `build_classifier` gives.

    Returns:
        List of `TwinLayer`, inputs before the layers that take them; the first is the
        input, the last gives the probabilities.

    Raises:
        ValueError: The graph has a layer without a counterpart, a layer that is used
            twice, or is no chain from one image to one output; the message names the
            layers.
    """
    sources = _sources(model)
    _check_graph(model, sources)
    layers = [
        TwinLayer(
            "InputLayer",
            model.inputs[0].name,
            {"batch_input_shape": [None, *model.input_shape[1:]]},
            [],
            [],
        )
    ]
    first = model.layers[0].name
    cropped = _takers(first, model, sources)
    if [type(layer).__name__ for layer in cropped] == ["RandomResizedCrop"]:
        first = cropped[0].name
        layers.append(_middle(cropped[0], layers[0].name))
    else:
        cropped = []
    prefix = _affine_prefix(first, model, sources)
    renamed = {}
    if prefix:
        layers.append(_scaling(prefix, layers[-1].name))
        renamed = {layer.name: SCALING for layer in prefix}
    for layer in model.layers[1:]:
        if layer in prefix or layer in cropped:
            continue
        inputs = [renamed.get(name, name) for name in sources[layer.name]]
        for translated in _translated(layer, inputs, layers):
            layers += _activation_apart(translated)
    return layers


def _sources(model):
    """Names of the layers each layer takes its inputs from."""
    sources = {}
    for layer in model.get_config()["layers"]:
        nodes = layer["inbound_nodes"]
        sources[layer["name"]] = _tensors(nodes[0]["args"]) if nodes else []
        if len(nodes) > 1:
            raise ValueError(
                "A layer that is used more than once has no counterpart in the twin. "
                f"Received: {layer['name']}"
            )
    return sources


def _tensors(arguments):
    if isinstance(arguments, dict):
        return [arguments["config"]["keras_history"][0]]
    if not isinstance(arguments, (list, tuple)):
        return []
    return [name for part in arguments for name in _tensors(part)]


def _check_graph(model, sources):
    unknown = sorted(
        {
            f"{layer.name} ({type(layer).__name__})"
            for layer in model.layers[1:]
            if type(layer).__name__
            not in {*SETTINGS, *OTHER_NAMES, *AFFINE, *SPECIAL, "RandomResizedCrop"}
        }
    )
    if unknown:
        raise ValueError(
            "These layers have no counterpart that TF-MOT could be given; an ensemble "
            "is quantised member by member (`ensemble_members`). "
            f"Received: {', '.join(unknown)}"
        )
    last = model.layers[-1].name
    used = {name for names in sources.values() for name in names}
    loose = [layer.name for layer in model.layers if layer.name not in {*used, last}]
    if len(model.inputs) != 1 or len(model.outputs) != 1 or loose:
        raise ValueError(
            "The classifier must have one image input and one output. Received: "
            f"{len(model.inputs)} inputs, {len(model.outputs)} outputs, layers that "
            f"lead nowhere: {loose}"
        )


def _takers(name, model, sources):
    return [layer for layer in model.layers if name in sources[layer.name]]


def _middle(crop, source):
    """What a random crop is outside of training."""
    config = {"cropping": []}
    for length in crop.input.shape[1:3]:
        before = (length - crop.size) // 2
        config["cropping"].append([before, length - crop.size - before])
    return TwinLayer("Cropping2D", crop.name, config, [source], [], trainable=False)


def _affine_prefix(name, model, sources):
    """The layers behind the one named that scale colours and nothing else."""
    prefix = []
    while True:
        takers = _takers(name, model, sources)
        if len(takers) != 1 or type(takers[0]).__name__ not in AFFINE:
            return prefix
        prefix.append(takers[0])
        name = takers[0].name


def _scaling(prefix, source):
    """The prefix as a 1 x 1 convolution, found by its action on four colours."""
    colours = np.zeros((4, 1, 1, 3), "float32")
    colours[1:, 0, 0] = 255 * np.eye(3)
    for layer in prefix:
        colours = layer(colours)
    black, *primaries = np.asarray(colours, "float64")[:, 0, 0]
    kernel = (np.stack(primaries) - black) / 255
    config = {"filters": 3, "kernel_size": [1, 1]}
    weights = [
        kernel[np.newaxis, np.newaxis].astype("float32"),
        black.astype("float32"),
    ]
    return TwinLayer("Conv2D", SCALING, config, [source], weights, trainable=False)


def _translated(layer, inputs, before):
    kind = type(layer).__name__
    if kind in SPECIAL:
        return SPECIAL[kind](layer, inputs, before)
    kind = OTHER_NAMES.get(kind, kind)
    weights = [np.asarray(array, "float32") for array in layer.get_weights()]
    config = _config(layer, SETTINGS.get(kind))
    return [TwinLayer(kind, layer.name, config, inputs, weights, layer.trainable)]


def _activation_apart(layer):
    """The layer, and what has to be a layer of its own behind it."""
    activation = layer.config.get("activation")
    if layer.kind == "Activation" or activation not in APART:
        return [layer]
    linear = replace(
        layer,
        name=f"{layer.name}_linear",
        config=layer.config | {"activation": "linear"},
    )
    config = {"activation": activation}
    return [linear, TwinLayer("Activation", layer.name, config, [linear.name], [])]


def _config(layer, names):
    if names is None:
        raise ValueError(
            "This layer scales colours elsewhere than at the image and has no "
            f"counterpart in the twin. Received: {layer.name}"
        )
    config = layer.get_config()
    if config.get("data_format", "channels_last") != "channels_last":
        raise ValueError(
            f"The twin has its channels last. Received: {layer.name} with "
            f"{config['data_format']}"
        )
    taken = {name: config[name] for name in names}
    activation = taken.get("activation")
    if activation is not None:
        if not isinstance(activation, str):
            raise ValueError(
                "An activation must be one of Keras' own. Received: "
                f"{layer.name} with {activation}"
            )
        taken["activation"] = ACTIVATIONS.get(activation, activation)
    return taken


def _separable(layer, inputs, before):
    """The depthwise and the pointwise part of a separable convolution."""
    depthwise, pointwise, *bias = (
        np.asarray(array, "float32") for array in layer.get_weights()
    )
    first = TwinLayer(
        "DepthwiseConv2D",
        f"{layer.name}_depthwise",
        _config(layer, DEPTHWISE) | {"use_bias": False},
        inputs,
        [depthwise],
        layer.trainable,
    )
    second = TwinLayer(
        "Conv2D",
        layer.name,
        _config(layer, ("filters", "activation", "use_bias")) | {"kernel_size": [1, 1]},
        [first.name],
        [pointwise, *bias],
        layer.trainable,
    )
    return [first, second]


def _scaled_addition(layer, inputs, before):
    """x + scale * f(x), the scale taken into the convolution that ends f."""
    end = next(other for other in before if other.name == inputs[1])
    if end.kind != "Conv2D" or end.config.get("activation") != "linear":
        raise ValueError(
            "The scaled branch must end in a convolution without activation. "
            f"Received: {layer.name} after {end.name} ({end.kind})"
        )
    end.weights = [np.float32(layer.scale) * array for array in end.weights]
    return [TwinLayer("Add", layer.name, {}, inputs, [], layer.trainable)]


SPECIAL = {"CustomScaleLayer": _scaled_addition, "SeparableConv2D": _separable}
"""Layers that become something else."""
