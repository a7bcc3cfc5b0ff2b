"""Networks of the generators that make an image of noise."""

import keras
from keras import layers, ops

from keras_derm.catalog import DIAGNOSES
from keras_derm.generative.adversarial.conditional_batch_normalization import (
    ConditionalBatchNormalization,
)
from keras_derm.generative.adversarial.spectral_normalization import (
    SpectralNormalization,
)
from keras_derm.generative.conditions import CONDITION_TONES

CONDITION_FEATURES = 32
MAX_CHANNEL_FACTOR = 8


def upsampling_plan(image_size):
    """Where the generator starts, and how often it doubles.

    Args:
        image_size: Side of the square image in pixels, 32 to 256, of the form
            k * 2^m with k from 4 to 7 (32, 40, 48, 56, 64, 80, 96, ... 224, 256).

    Returns:
        Tuple of the first feature map's side in pixels (4 to 7) and the number of
        doublings.

    Raises:
        ValueError: If no such k exists.
    """
    side, doublings = image_size, 0
    while side > 7 and side % 2 == 0:
        side, doublings = side // 2, doublings + 1
    if not 32 <= image_size <= 256 or not 4 <= side <= 7:
        raise ValueError(
            "`image_size` must be k * 2^m with k from 4 to 7, between 32 and 256 "
            f"(such as 64, 96, 128, 224). Received: image_size={image_size}"
        )
    return side, doublings


def _condition_inputs(conditional):
    """Inputs of diagnosis and tone, and of each a pair of index and number of indices.

    Without conditions there is one index, whatever is given.
    """
    diagnosis = keras.Input((), dtype="int32", name="diagnosis")
    tone = keras.Input((), dtype="int32", name="tone_group")
    if conditional:
        indices = (diagnosis, len(DIAGNOSES)), (tone, len(CONDITION_TONES))
    else:
        indices = (ops.zeros_like(diagnosis), 1), (ops.zeros_like(tone), 1)
    return (diagnosis, tone), indices


def _upsampling_block(features, condition, n_channels):
    features = layers.Conv2DTranspose(
        n_channels, 4, strides=2, padding="same", use_bias=False
    )(features)
    features = ConditionalBatchNormalization()([features, condition])
    return layers.ReLU()(features)


def build_generator(image_size, latent_dim=128, base_channels=32, conditional=True):
    """Noise and condition to an image.

    Dense and reshape, then transposed convolutions with conditional batch
    normalization and ReLU, then tanh. Diagnosis and tone have an embedding each, so
    that a tone seen with one diagnosis informs it with another.

    Args:
        image_size: Side of the image in pixels, see `upsampling_plan`.
        latent_dim: Length of the noise vector.
        base_channels: Channels at half of the image size; doubled at every halving
            of the side, up to 8 times as many.
        conditional: Whether diagnosis and tone matter; else they are taken and left.

    Returns:
        Functional `keras.Model` from [noise (batch, latent_dim), diagnosis (batch,),
        tone group (batch,)] to images (batch, image_size, image_size, 3) in [-1, 1].
    """
    side, doublings = upsampling_plan(image_size)
    channels = [
        base_channels * min(2**level, MAX_CHANNEL_FACTOR)
        for level in reversed(range(doublings))
    ]
    noise = keras.Input((latent_dim,), name="noise")
    inputs, indices = _condition_inputs(conditional)
    condition = layers.Concatenate(name="condition")(
        [layers.Embedding(n, CONDITION_FEATURES)(index) for index, n in indices]
    )
    features = layers.Concatenate()([noise, condition])
    features = layers.Dense(side * side * channels[0], use_bias=False)(features)
    features = layers.Reshape((side, side, channels[0]))(features)
    features = ConditionalBatchNormalization()([features, condition])
    features = layers.ReLU()(features)
    for n_channels in channels[1:]:
        features = _upsampling_block(features, condition, n_channels)
    image = layers.Conv2DTranspose(
        3, 4, strides=2, padding="same", activation="tanh", dtype="float32"
    )(features)
    return keras.Model([noise, *inputs], image, name="generator")


def _linear(kind, *args, spectral, **kwargs):
    """A convolution or dense layer, spectrally normalized where asked for.

    It then starts with equal singular values: division by the largest of unequal
    ones would shrink the signal at every layer.
    """
    if not spectral:
        return kind(*args, **kwargs)
    layer = kind(*args, use_bias=False, kernel_initializer="orthogonal", **kwargs)
    return SpectralNormalization(layer)


def _embedding(n_indices, n_features, spectral):
    layer = layers.Embedding(n_indices, n_features)
    return SpectralNormalization(layer, use_bias=False) if spectral else layer


def _downsampling_block(features, n_channels, dropout, spectral, normalized):
    convolution = _linear(
        layers.Conv2D, n_channels, 4, strides=2, padding="same", spectral=spectral
    )
    features = convolution(features)
    if normalized:
        features = layers.BatchNormalization(momentum=0.9)(features)
    features = layers.LeakyReLU(negative_slope=0.2)(features)
    return layers.Dropout(dropout)(features) if dropout else features


def build_discriminator(
    image_size,
    base_channels=32,
    conditional=True,
    dropout=0.0,
    batch_normalization=False,
):
    """Image and condition to one logit: positive for real.

    Spectrally normalized strided convolutions with LeakyReLU, global sum pooling,
    and a projection head: the logit is a linear score plus the inner product of the
    features with the embeddings of diagnosis and tone.

    Args:
        image_size: Side of the image in pixels, see `upsampling_plan`.
        base_channels: Channels after the first halving, doubled at every further
            one, up to 8 times as many.
        conditional: Whether diagnosis and tone matter; else they are taken and left.
        dropout: Share of features dropped after every convolution, in [0, 1).
        batch_normalization: Whether to normalize after every convolution but the
            first; it undoes the bound on the slope that spectral normalization gives.

    Returns:
        Functional `keras.Model` from [images (batch, image_size, image_size, 3) in
        [-1, 1], diagnosis (batch,), tone group (batch,)] to logits (batch, 1).

    Reference:
        Miyato and Koyama, "cGANs with Projection Discriminator", ICLR 2018.
    """
    return _projection_network(
        "discriminator",
        image_size,
        base_channels,
        conditional,
        spectral=True,
        dropout=dropout,
        normalized=batch_normalization,
    )


def build_critic(image_size, base_channels=32, conditional=True):
    """Image and condition to one score without bounds: higher for real.

    As `build_discriminator`, with neither spectral normalization nor any other: the
    gradient penalty is one of single images, and batch normalization would mix them.
    Scores are float32.
    """
    return _projection_network("critic", image_size, base_channels, conditional)


def _projection_network(
    name,
    image_size,
    base_channels,
    conditional,
    spectral=False,
    dropout=0.0,
    normalized=False,
):
    _, doublings = upsampling_plan(image_size)
    image = keras.Input((image_size, image_size, 3), name="image")
    inputs, indices = _condition_inputs(conditional)
    features = image
    for level in range(doublings):
        n_channels = base_channels * min(2**level, MAX_CHANNEL_FACTOR)
        features = _downsampling_block(
            features, n_channels, dropout, spectral, normalized and level > 0
        )
    features = ops.sum(features, axis=(1, 2))
    score = _linear(layers.Dense, 1, spectral=spectral)(features)
    projections = [
        layers.Dot(axes=-1)([features, _embedding(n, n_channels, spectral)(index)])
        for index, n in indices
    ]
    logit = layers.Add(dtype="float32")([score, *projections])
    return keras.Model([image, *inputs], logit, name=name)
