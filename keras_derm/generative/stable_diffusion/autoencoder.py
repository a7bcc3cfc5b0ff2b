"""Between images and latents, in keras-cv's layers, named as in Diffusers."""

import keras

from keras_derm.generative.stable_diffusion.keras_cv_layers import (
    EPSILON,
    PaddedConv2D,
    attention_block,
    placed,
    resnet_block,
)

AFTER_ONLY = ((0, 1), (0, 1))
"""Padding of a halving: below and to the right alone."""


def build_encoder(config, image_size):
    """From images to the distribution of their latents, weights zero.

    Args:
        config: `vae/config.json`: `block_out_channels`.
        image_size: Side of the images in pixels, a multiple of 8.

    Returns:
        Functional model of images in [-1, 1], `(n, image_size, image_size, 3)`. It
        gives `(n, image_size / 8, image_size / 8, 8)`: four means and four logarithms
        of the variance, not scaled.
    """
    widths = config["block_out_channels"]
    images = keras.Input((image_size, image_size, 3), name="images")
    x = _convolution(images, widths[0], "encoder.conv_in")
    for level, width in enumerate(widths):
        block = f"encoder.down_blocks.{level}"
        for i in range(2):
            x = placed(resnet_block(width, f"{block}.resnets.{i}"), x)
        if level < len(widths) - 1:
            name = f"{block}.downsamplers.0.conv"
            down = PaddedConv2D(width, 3, padding=AFTER_ONLY, strides=2, name=name)
            x = placed(down, x)
    x = _middle(x, widths[-1], "encoder")
    x = _convolution(_normalized(x, "encoder"), 8, "encoder.conv_out")
    moments = placed(PaddedConv2D(8, 1, name="quant_conv"), x)
    return keras.Model(images, moments, name="encoder")


def build_decoder(config, image_size):
    """From latents to images, weights zero.

    Args:
        config, image_size: See `build_encoder`.

    Returns:
        Functional model of latents `(n, image_size / 8, image_size / 8, 4)`, not
        scaled. It gives images, `(n, image_size, image_size, 3)`, about in [-1, 1].
    """
    widths = config["block_out_channels"][::-1]
    latents = keras.Input((image_size // 8, image_size // 8, 4), name="latents")
    x = placed(PaddedConv2D(4, 1, name="post_quant_conv"), latents)
    x = _convolution(x, widths[0], "decoder.conv_in")
    x = _middle(x, widths[0], "decoder")
    for level, width in enumerate(widths):
        block = f"decoder.up_blocks.{level}"
        for i in range(3):
            x = placed(resnet_block(width, f"{block}.resnets.{i}"), x)
        if level < len(widths) - 1:
            x = keras.layers.UpSampling2D(2)(x)
            x = _convolution(x, width, f"{block}.upsamplers.0.conv")
    images = _convolution(_normalized(x, "decoder"), 3, "decoder.conv_out")
    return keras.Model(latents, images, name="decoder")


def _convolution(x, width, name):
    return placed(PaddedConv2D(width, 3, padding=1, name=name), x)


def _middle(x, width, side):
    x = placed(resnet_block(width, f"{side}.mid_block.resnets.0"), x)
    x = placed(attention_block(width, f"{side}.mid_block.attentions.0"), x)
    return placed(resnet_block(width, f"{side}.mid_block.resnets.1"), x)


def _normalized(x, side):
    name = f"{side}.conv_norm_out"
    norm = keras.layers.GroupNormalization(epsilon=EPSILON, name=name)
    return keras.layers.Activation("swish")(norm(x))
