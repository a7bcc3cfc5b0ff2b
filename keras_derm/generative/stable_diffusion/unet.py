"""The network that predicts noise, in keras-cv's layers, named as in Diffusers."""

import keras
import numpy as np

from keras_derm.generative.stable_diffusion.keras_cv_layers import (
    PaddedConv2D,
    ResBlock,
    Upsample,
    placed,
    spatial_transformer,
)

N_TOKENS = 77
LAYERS_PER_BLOCK = 2


def build_unet(config, image_size):
    """The U-Net of Stable Diffusion v1, weights zero.

    Every layer has the name that its tensors have in a Diffusers folder.

    Args:
        config: `unet/config.json`: `block_out_channels`, `cross_attention_dim`, and
            `attention_head_dim`, which in this version is the number of heads.
        image_size: Side of the images in pixels, a multiple of 64.

    Returns:
        Functional model of latents `(n, image_size / 8, image_size / 8, 4)`, the
        embedding of `timestep_embedding`, and words `(n, 77, cross_attention_dim)`. It
        gives the noise, of the shape of the latents.
    """
    widths = config["block_out_channels"]
    heads = config["attention_head_dim"]
    side = image_size // 8
    latents = keras.Input((side, side, 4), name="latents")
    time = keras.Input((widths[0],), name="time")
    context = keras.Input((N_TOKENS, config["cross_attention_dim"]), name="context")

    embedded = keras.layers.Dense(4 * widths[0], name="time_embedding.linear_1")
    embedded = keras.layers.Activation("swish")(placed(embedded, time))
    second = keras.layers.Dense(4 * widths[0], name="time_embedding.linear_2")
    embedded = placed(second, embedded)

    def residual(x, width, name):
        return placed(ResBlock(width, name=name), [x, embedded])

    def attention(x, width, name):
        return placed(spatial_transformer(heads, width, name), [x, context])

    x = placed(PaddedConv2D(widths[0], 3, padding=1, name="conv_in"), latents)
    skipped = [x]
    last = len(widths) - 1
    for level, width in enumerate(widths):
        block = f"down_blocks.{level}"
        for i in range(LAYERS_PER_BLOCK):
            x = residual(x, width, f"{block}.resnets.{i}")
            if level < last:
                x = attention(x, width, f"{block}.attentions.{i}")
            skipped.append(x)
        if level < last:
            name = f"{block}.downsamplers.0.conv"
            down = PaddedConv2D(width, 3, strides=2, padding=1, name=name)
            x = placed(down, x)
            skipped.append(x)

    x = residual(x, widths[-1], "mid_block.resnets.0")
    x = attention(x, widths[-1], "mid_block.attentions.0")
    x = residual(x, widths[-1], "mid_block.resnets.1")

    for level, width in enumerate(reversed(widths)):
        block = f"up_blocks.{level}"
        for i in range(LAYERS_PER_BLOCK + 1):
            x = keras.layers.Concatenate()([x, skipped.pop()])
            x = residual(x, width, f"{block}.resnets.{i}")
            if level > 0:
                x = attention(x, width, f"{block}.attentions.{i}")
        if level < last:
            x = placed(Upsample(width, name=f"{block}.upsamplers.0"), x)

    norm = keras.layers.GroupNormalization(epsilon=1e-5, name="conv_norm_out")
    x = keras.layers.Activation("swish")(norm(x))
    noise = placed(PaddedConv2D(4, 3, padding=1, name="conv_out"), x)
    return keras.Model([latents, time, context], noise, name="unet")


def timestep_embedding(timesteps, width):
    """Cosines and sines of timesteps: float32 `(n, width)`.

    Args:
        timesteps: Integers `(n,)` in [0, 1000).
        width: Number of channels, even: `block_out_channels[0]`.
    """
    half = width // 2
    frequencies = np.exp(-np.log(10000) * np.arange(half) / half).astype("float32")
    angles = keras.ops.cast(timesteps, "float32")[:, None] * frequencies
    return keras.ops.concatenate(
        [keras.ops.cos(angles), keras.ops.sin(angles)], axis=-1
    )
