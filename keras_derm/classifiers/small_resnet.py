"""A residual network for small images, trained from scratch."""

import keras

STEM = 32
STAGES = ((64, 1), (128, 2), (256, 2))
"""Channels and number of blocks of each stage, at half the size of the one before."""


def small_resnet(images):
    """Twelve layers of pre-activation residual blocks; 2.7 million weights.

    The layers are ours: a convolution of 3 x 3 pixels and 32 channels, then one block
    of 64, two of 128 and two of 256 channels, of which the first of each width halves
    the image. Images of 28 pixels keep 4 x 4 positions, where the networks made for
    224 pixels would be left with one.

    Args:
        images: Keras tensor `(batch, height, width, 3)` in [-1, 1]; sides of 8 pixels
            or more.

    Returns:
        Keras tensor of features `(batch, height // 8, width // 8, 256)`, rounded up.

    Raises:
        ValueError: A side is shorter than 8 pixels.

    Reference:
        He et al., Identity mappings in deep residual networks, ECCV 2016.
    """
    least = 2 ** len(STAGES)
    if min(images.shape[1:3]) < least:
        raise ValueError(
            f"the small ResNet needs sides of {least} pixels or more. "
            f"Received: {tuple(images.shape[1:3])}"
        )
    x = _convolution(images, STEM, 3, 1, "stem")
    for stage, (channels, n_blocks) in enumerate(STAGES, start=1):
        for block in range(1, n_blocks + 1):
            strides = 2 if block == 1 else 1
            x = _block(x, channels, strides, f"stage{stage}_block{block}")
    return _activation(x, "post")


def _block(x, channels, strides, name):
    """Two convolutions beside a way past them, each after its activation."""
    y = _activation(x, f"{name}_1")
    if strides > 1:
        x = _convolution(y, channels, 1, strides, f"{name}_shortcut")
    y = _convolution(y, channels, 3, strides, f"{name}_1_conv")
    y = _activation(y, f"{name}_2")
    y = _convolution(y, channels, 3, 1, f"{name}_2_conv")
    return keras.layers.Add(name=f"{name}_add")([x, y])


def _convolution(x, channels, kernel_size, strides, name):
    return keras.layers.Conv2D(
        channels,
        kernel_size,
        strides=strides,
        padding="same",
        use_bias=False,
        name=name,
    )(x)


def _activation(x, name):
    x = keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)
