"""EfficientNet-Lite: EfficientNets that stand being run in int8."""

import math

import keras

# (kernel, repeats, filters out, expansion, strides) of the stages of EfficientNetB0
STAGES = (
    (3, 1, 16, 1, 1),
    (3, 2, 24, 6, 2),
    (5, 2, 40, 6, 2),
    (3, 3, 80, 6, 2),
    (5, 3, 112, 6, 1),
    (5, 4, 192, 6, 2),
    (3, 1, 320, 6, 1),
)
STEM_FILTERS, TOP_FILTERS = 32, 1280
FILTERS_DIVISOR = 8
DROP_CONNECT_RATE = 0.2


def efficientnet_lite0(images):
    """The layers of EfficientNetB0 without squeeze-excite, with ReLU6 for swish.

    Both have wide ranges, of which int8 with one scale a tensor makes little; ReLU6
    bounds every range. Layers have the names of `keras.applications.EfficientNetB0`.

    Args:
        images: Keras tensor `(batch, height, width, 3)` in [-1, 1], as the mode "lite"
            of `InputScaling` gives it.

    Returns:
        Keras tensor of features `(batch, height / 32, width / 32, 1280)`.

    Reference:
        Tan and Le 2019, EfficientNet: Rethinking Model Scaling for Convolutional
        Neural Networks, ICML; the Lite release: tensorflow/tpu,
        models/official/efficientnet/lite.
    """
    return _efficientnet_lite(images, width=1.0, depth=1.0)


def efficientnet_lite1(images):
    """`efficientnet_lite0` with five blocks more."""
    return _efficientnet_lite(images, width=1.0, depth=1.1)


def efficientnet_lite2(images):
    """`efficientnet_lite1` with a tenth more filters in most blocks."""
    return _efficientnet_lite(images, width=1.1, depth=1.2)


def _efficientnet_lite(images, width, depth):
    """Network whose stages have `width` times the filters, `depth` times the blocks.

    Lite leaves the filters of stem and top alone, and the blocks of the first and the
    last stage.
    """
    x = _convolution(images, STEM_FILTERS, 3, "stem_", strides=2)
    depths = [1, *(math.ceil(depth * stage[1]) for stage in STAGES[1:-1]), 1]
    n_blocks, done = sum(depths), 0
    stages = zip(STAGES, depths, strict=True)
    for number, ((kernel, _, filters, expansion, strides), repeats) in enumerate(
        stages, 1
    ):
        for repeat in range(repeats):
            x = _block(
                x,
                f"block{number}{chr(ord('a') + repeat)}_",
                kernel,
                _widened(filters, width),
                expansion,
                strides if repeat == 0 else 1,
                DROP_CONNECT_RATE * done / n_blocks,
            )
            done += 1
    return _convolution(x, TOP_FILTERS, 1, "top_")


def _widened(filters, width):
    """`width` times the filters to the nearest divisor, of which few may be lost."""
    wanted = filters * width
    rounded = int(wanted + FILTERS_DIVISOR / 2) // FILTERS_DIVISOR * FILTERS_DIVISOR
    return rounded if rounded >= 0.9 * wanted else rounded + FILTERS_DIVISOR


def _block(inputs, name, kernel, filters, expansion, strides, drop_rate):
    """Inverted bottleneck: widen, filter each channel, narrow, add what came in."""
    x, n_channels = inputs, inputs.shape[-1]
    if expansion != 1:
        x = _convolution(x, expansion * n_channels, 1, f"{name}expand_")
    x = keras.layers.DepthwiseConv2D(
        kernel,
        strides,
        padding="same",
        use_bias=False,
        depthwise_initializer=_initializer(),
        name=f"{name}dwconv",
    )(x)
    x = _normalization(x, name)
    x = _convolution(x, filters, 1, f"{name}project_", activated=False)
    if strides != 1 or filters != n_channels:
        return x
    x = keras.layers.Dropout(
        drop_rate, noise_shape=(None, 1, 1, 1), name=f"{name}drop"
    )(x)
    return keras.layers.Add(name=f"{name}add")([x, inputs])


def _convolution(x, filters, kernel, name, strides=1, activated=True):
    x = keras.layers.Conv2D(
        filters,
        kernel,
        strides,
        padding="same",
        use_bias=False,
        kernel_initializer=_initializer(),
        name=f"{name}conv",
    )(x)
    return _normalization(x, name, activated)


def _normalization(x, name, activated=True):
    x = keras.layers.BatchNormalization(name=f"{name}bn")(x)
    return keras.layers.ReLU(6.0, name=f"{name}activation")(x) if activated else x


def _initializer():
    return keras.initializers.VarianceScaling(2.0, "fan_out", "truncated_normal")
