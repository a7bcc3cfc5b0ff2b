"""U-Net on a backbone that knows photographs already."""

import keras

from keras_derm.classifiers import build_backbone
from keras_derm.networks import FusedBatchNormalization
from keras_derm.segmentation.outputs import mask_outputs

ENCODER = "MobileNetV2"
SKIPS = (
    ("block_13_expand_relu", 64),
    ("block_6_expand_relu", 48),
    ("block_3_expand_relu", 32),
    ("block_1_expand_relu", 24),
)
"""Layers of the encoder whose maps the decoder takes, from a sixteenth to half of the
side, and the channels of the decoder there."""

BOTTOM, BOTTOM_CHANNELS = "block_16_project_BN", 96
MOMENTUM = 0.9
"""Of batch normalisation: MobileNetV2's 0.999 still holds ImageNet's statistics after
some hundred steps."""


def unet(image_size, weights=None, dropout=0.1):
    """U-Net whose encoder is MobileNetV2 without its last convolution.

    Skips are narrowed by a convolution of 1 x 1 before they are joined, and the last
    map has half the side of the image: what is drawn finer than that in a mask is
    mostly the hand of the person who drew it. All activations are bounded, which lets
    it be run in int8.

    Args:
        image_size: Side of the square input in pixels, a multiple of 32.
        weights: `"imagenet"`, the path of a weights file of MobileNetV2 without its
            top, or None for random weights.
        dropout: Rate at the bottom.

    Returns:
        Functional `keras.Model`: float RGB in [0, 255], `(batch, side, side, 3)`, to
        the probability of lesion, `(batch, side, side, 1)`, by the layer
        "probabilities".

    Raises:
        ValueError: The size is no multiple of 32.

    Reference:
        Ronneberger, Fischer, Brox, U-Net: Convolutional Networks for Biomedical Image
        Segmentation, MICCAI 2015. Sandler et al., MobileNetV2, CVPR 2018.
    """
    if image_size % 32:
        raise ValueError(
            "the U-Net halves its images five times: `image_size` must be a multiple "
            f"of 32. Received: {image_size}"
        )
    encoder = build_backbone(ENCODER, image_size, weights)
    for layer in encoder.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = MOMENTUM
    x = _convolution(encoder.get_layer(BOTTOM).output, BOTTOM_CHANNELS, 1, "bottom")
    x = keras.layers.SpatialDropout2D(dropout, name="dropout")(x)
    for number, (name, channels) in enumerate(SKIPS, 1):
        skip = _convolution(
            encoder.get_layer(name).output, channels, 1, f"skip_{number}"
        )
        x = keras.layers.UpSampling2D(name=f"up_{number}")(x)
        x = keras.layers.Concatenate(name=f"join_{number}")([x, skip])
        x = _convolution(x, channels, 3, f"decoder_{number}")
    return keras.Model(encoder.inputs[0], mask_outputs(x, 2), name="unet")


def _convolution(x, channels, kernel, name):
    x = keras.layers.Conv2D(
        channels, kernel, padding="same", use_bias=False, name=f"{name}_conv"
    )(x)
    x = FusedBatchNormalization(momentum=MOMENTUM, name=f"{name}_bn")(x)
    return keras.layers.ReLU(6.0, name=f"{name}_relu")(x)
