"""Networks that translate images, and that judge translations patch by patch."""

import keras
from keras import layers

MAX_CHANNEL_FACTOR = 8


def _convolution(n_channels, strides=1, normalized=True, **kwargs):
    return layers.Conv2D(
        n_channels,
        4,
        strides=strides,
        padding="same",
        use_bias=not normalized,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
        **kwargs,
    )


def _instance_normalization():
    return layers.GroupNormalization(groups=-1, epsilon=1e-5)


def _down(features, n_channels, strides=2, normalized=True):
    features = _convolution(n_channels, strides, normalized)(features)
    if normalized:
        features = _instance_normalization()(features)
    return layers.LeakyReLU(negative_slope=0.2)(features)


def _up(features, skipped, n_channels):
    features = layers.UpSampling2D()(features)
    features = _convolution(n_channels)(features)
    features = _instance_normalization()(features)
    features = layers.ReLU()(features)
    return layers.Concatenate()([features, skipped])


def build_translator(image_size=256, base_channels=32, depth=4, name="translator"):
    """U-Net from an image to its translation, with instance normalization.

    The first convolution is not normalized, so that brightness and colour of the
    image as a whole reach the translation.

    Args:
        image_size: Side of the square image in pixels, a multiple of 2^depth and at
            least 2^(depth + 1), so that instances can be normalized at the bottom:
            32, 48, 64, ... 256 at the published depth of 4.
        base_channels: Channels at half of the image size, doubled at every further
            halving, up to 8 times as many.
        depth: Number of halvings.
        name: Name of the model.

    Returns:
        Functional `keras.Model` from images (batch, image_size, image_size, 3) in
        [-1, 1] to images of the same shape and range, float32.

    Raises:
        ValueError: If the size does not fit the depth.

    Reference:
        Ronneberger et al., "U-Net", MICCAI 2015, with the widths of the melanet code;
        Isola et al., CVPR 2017, for the first convolution.
    """
    if image_size % 2**depth or image_size < 2 ** (depth + 1):
        raise ValueError(
            f"`image_size` must be a multiple of {2**depth} and at least "
            f"{2 ** (depth + 1)} for depth={depth}. Received: image_size={image_size}"
        )
    channels = [
        base_channels * min(2**level, MAX_CHANNEL_FACTOR) for level in range(depth)
    ]
    image = keras.Input((image_size, image_size, 3), name="image")
    features, passed = image, []
    for level, n_channels in enumerate(channels):
        # Normalized at once, an image would lose its brightness and skin tone.
        features = _down(features, n_channels, normalized=level > 0)
        passed.append(features)
    for n_channels, skipped in zip(channels[-2::-1], passed[-2::-1], strict=True):
        features = _up(features, skipped, n_channels)
    features = layers.UpSampling2D()(features)
    output = _convolution(3, normalized=False, activation="tanh", dtype="float32")
    return keras.Model(image, output(features), name=name)


def build_patch_discriminator(image_size=256, base_channels=64, name="discriminator"):
    """Image to one logit for each of its 70 x 70 patches: positive for real.

    Args:
        image_size: Side of the square image in pixels, a multiple of 8. Where it is
            below 70, every logit is of the whole image.
        base_channels: Channels of the first convolution; the following have 2, 4
            and 8 times as many.
        name: Name of the model.

    Returns:
        Functional `keras.Model` from images (batch, image_size, image_size, 3) in
        [-1, 1] to logits (batch, image_size / 8, image_size / 8, 1), float32.

    Raises:
        ValueError: If the size is no multiple of 8.

    Reference:
        Isola et al., "Image-to-Image Translation with Conditional Adversarial
        Networks", CVPR 2017: C64-C128-C256-C512.
    """
    if image_size % 8 or image_size < 8:
        raise ValueError(
            f"`image_size` must be a multiple of 8. Received: image_size={image_size}"
        )
    image = keras.Input((image_size, image_size, 3), name="image")
    features = _down(image, base_channels, normalized=False)
    features = _down(features, 2 * base_channels)
    features = _down(features, 4 * base_channels)
    features = _down(features, 8 * base_channels, strides=1)
    logits = _convolution(1, normalized=False, dtype="float32")(features)
    return keras.Model(image, logits, name=name)
