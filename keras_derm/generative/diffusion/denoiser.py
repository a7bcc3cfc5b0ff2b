"""The network that tells noise from image: a small conditional U-Net."""

import math

import keras
from keras import ops

from keras_derm.generative.diffusion.attention import AttentionBlock

N_FREQUENCIES = 64
LEAST_SIDE = 4
"""Smallest map that the network goes down to, in places."""


@keras.saving.register_keras_serializable(package="keras_derm")
class NoiseFeatures(keras.layers.Layer):
    """Sines and cosines of the logarithm of a noise level.

    Args:
        n_frequencies: Number of frequencies, from 1 to 1,000 in geometric steps.

    Input: (batch,). Output: (batch, 2 * n_frequencies).

    Example:
        >>> features = NoiseFeatures()(levels)

    Reference:
        Vaswani et al., "Attention Is All You Need", NeurIPS 2017.
    """

    def __init__(self, n_frequencies=N_FREQUENCIES, **kwargs):
        super().__init__(**kwargs)
        self.n_frequencies = n_frequencies

    def call(self, levels):
        exponents = ops.arange(self.n_frequencies, dtype="float32")
        exponents = exponents * (math.log(1000.0) / (self.n_frequencies - 1))
        angles = ops.cast(levels, "float32")[:, None] * ops.exp(exponents)
        features = ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)
        return ops.cast(features, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 2 * self.n_frequencies)

    def get_config(self):
        return super().get_config() | {"n_frequencies": self.n_frequencies}


@keras.saving.register_keras_serializable(package="keras_derm")
class Modulation(keras.layers.Layer):
    """Scales and shifts the channels of a map.

    Input: pair of a map (batch, height, width, channels) and what scales and shifts
    it, (batch, 2 * channels), zeros for neither. Output: a map of the same shape.

    Example:
        >>> maps = Modulation()((maps, modulation))

    Reference:
        Perez et al., "FiLM: Visual Reasoning with a General Conditioning Layer", AAAI
        2018.
    """

    def call(self, inputs):
        maps, modulation = inputs
        height, width, channels = maps.shape[1:]
        # Broadcast over one axis: over two, TensorFlow takes ten times as long.
        places = ops.reshape(maps, (-1, height * width, channels))
        scale, shift = ops.split(modulation[:, None, :], 2, axis=-1)
        return ops.reshape(places * (1 + scale) + shift, ops.shape(maps))

    def compute_output_shape(self, input_shape):
        return input_shape[0]


@keras.saving.register_keras_serializable(package="keras_derm")
class Tokens(keras.layers.Layer):
    """Vectors (batch, channels) of any number as tokens (batch, number, channels).

    Example:
        >>> tokens = Tokens()([noise, diagnosis, tone])
    """

    def call(self, inputs):
        return ops.stack(inputs, axis=1)

    def compute_output_shape(self, input_shape):
        batch, channels = input_shape[0]
        return (batch, len(input_shape), channels)


def build_denoiser(
    side, n_channels, vocabularies, channels=(128, 192), n_blocks=2, mask_channels=0
):
    """U-Net with attention to the conditions at every level.

    Places look at each other at the smallest level alone.

    Args:
        side: Side of the code in places.
        n_channels: Channels of the code.
        vocabularies: Number of values of each condition. The value that follows the
            last stands for "not told".
        channels: Channels of the levels, each of half the side of the one before.
        n_blocks: Residual blocks of a level each way, the last of which attends.
        mask_channels: Channels of a mask of the lesion beside the code, 0 for none.

    Returns:
        `keras.Model` of the code (batch, side, side, n_channels), the logarithm of
        the noise level (batch,), int32 (batch,) of every condition and, where there
        is one, the mask (batch, side, side, mask_channels): float32 of the code's
        shape, zeros before training.

    Raises:
        ValueError: If the smallest level would be below 4 x 4 places, or odd.

    Reference:
        Dhariwal and Nichol, "Diffusion Models Beat GANs on Image Synthesis", NeurIPS
        2021; Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion
        Models", CVPR 2022 (attention to conditions).
    """
    smallest = side / 2 ** (len(channels) - 1)
    if smallest < LEAST_SIDE or smallest != int(smallest):
        raise ValueError(
            f"the smallest of {len(channels)} levels must have {LEAST_SIDE} x "
            f"{LEAST_SIDE} places or more. Received: side={side}"
        )
    code = keras.Input((side, side, n_channels), name="code")
    level = keras.Input((), name="noise_level")
    indices = [
        keras.Input((), dtype="int32", name=f"condition_{i}")
        for i in range(len(vocabularies))
    ]
    width = channels[0]
    embedded = [
        keras.layers.Embedding(size + 1, width, name=f"embedding_{i}")(index)
        for i, (size, index) in enumerate(zip(vocabularies, indices, strict=True))
    ]
    noise = NoiseFeatures(name="noise_features")(level)
    noise = keras.layers.Dense(width, name="noise_dense")(noise)
    tokens = Tokens(name="tokens")([noise, *embedded])
    vector = keras.layers.Concatenate(name="embedded")([noise, *embedded])
    vector = keras.layers.Dense(2 * width, activation="silu", name="vector")(vector)
    maps, masks = code, []
    if mask_channels:
        masks = [keras.Input((side, side, mask_channels), name="mask")]
        maps = keras.layers.Concatenate(name="code_and_mask")([code, *masks])
    block = _Blocks(vector, tokens, smallest)
    maps = _convolution(channels[0], "first")(maps)
    kept = []
    for depth, width in enumerate(channels):
        for i in range(n_blocks):
            maps = block(maps, width, attends=i == n_blocks - 1)
            kept.append(maps)
        if depth < len(channels) - 1:
            maps = _convolution(channels[depth + 1], f"down_{depth}", strides=2)(maps)
    maps = block(maps, channels[-1])
    for depth, width in reversed(list(enumerate(channels))):
        for i in range(n_blocks):
            joined = keras.layers.Concatenate()([maps, kept.pop()])
            maps = block(joined, width, attends=i == n_blocks - 1)
        if depth:
            maps = keras.layers.UpSampling2D(name=f"larger_{depth}")(maps)
            maps = _convolution(channels[depth - 1], f"up_{depth}")(maps)
    maps = _normalized(maps, "last")
    maps = _convolution(
        n_channels, "noise_or_image", kernel_initializer="zeros", dtype="float32"
    )(maps)
    return keras.Model([code, level, *indices, *masks], maps, name="denoiser")


class _Blocks:
    """Makes the residual blocks of a network, all told the same."""

    def __init__(self, vector, tokens, smallest):
        self.smallest = smallest
        self.vector = vector
        self.tokens = tokens
        self.n_blocks = 0

    def __call__(self, maps, channels, attends=True):
        """A residual block with the noise and the conditions, perhaps attention."""
        self.n_blocks += 1
        name = f"block_{self.n_blocks}"
        features = _normalized(maps, f"{name}_in")
        features = _convolution(channels, f"{name}_first")(features)
        features = keras.layers.RMSNormalization(name=f"{name}_normalization")(features)
        modulation = keras.layers.Dense(
            2 * channels, kernel_initializer="zeros", name=f"{name}_modulation"
        )(self.vector)
        features = Modulation(name=f"{name}_modulated")((features, modulation))
        features = keras.layers.Activation("silu", name=f"{name}_activation")(features)
        features = _convolution(channels, f"{name}_second", kernel_initializer="zeros")(
            features
        )
        if maps.shape[-1] != channels:
            maps = _convolution(channels, f"{name}_shortcut", size=1)(maps)
        maps = keras.layers.Add(name=f"{name}_sum")([maps, features])
        if not attends:
            return maps
        attention = AttentionBlock(
            channels,
            head_size=64 if channels % 64 == 0 else 32,
            to_each_other=maps.shape[1] == self.smallest,
            name=f"{name}_attention",
        )
        return attention((maps, self.tokens))


def _convolution(channels, name, size=3, **options):
    """A convolution without bias, which the gradient of oneDNN is fourfold slower for.

    What follows has shifts of its own.
    """
    return keras.layers.Conv2D(
        channels, size, padding="same", use_bias=False, name=name, **options
    )


def _normalized(maps, name):
    maps = keras.layers.RMSNormalization(name=f"{name}_normalization")(maps)
    return keras.layers.Activation("silu", name=f"{name}_activation")(maps)
