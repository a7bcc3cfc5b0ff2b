"""A small convolutional network that is trained from scratch."""

import keras

CHANNELS = (32, 64, 128, 256)


def custom_cnn(images):
    """Four blocks of two convolutions, each block at half the size of the one before.

    The cwgan_gp system judges its synthetic images with a "custom CNN" whose layers
    are not in the documents known to us. This one is ours: convolutions of 3 x 3
    pixels with batch normalisation and ReLU, 32 to 256 channels, a maximum over 2 x 2
    pixels after each block; 1.2 million weights.

    Args:
        images: Keras tensor `(batch, height, width, 3)` in [-1, 1]; sides of 16 pixels
            or more.

    Returns:
        Keras tensor of features `(batch, height // 16, width // 16, 256)`.

    Raises:
        ValueError: A side is shorter than 16 pixels.

    Reference:
        Dahir: conditional WGAN-GP on melanoma of SIIM-ISIC 2020 (the system); Simonyan
        and Zisserman, ICLR 2015 (blocks of 3 x 3 convolutions).
    """
    if min(images.shape[1:3]) < 2 ** len(CHANNELS):
        raise ValueError(
            f"the custom CNN needs sides of {2 ** len(CHANNELS)} pixels or more. "
            f"Received: {tuple(images.shape[1:3])}"
        )
    x = images
    for block, channels in enumerate(CHANNELS, start=1):
        for i in (1, 2):
            name = f"block{block}_conv{i}"
            x = keras.layers.Conv2D(
                channels, 3, padding="same", use_bias=False, name=name
            )(x)
            x = keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)
            x = keras.layers.ReLU(name=f"{name}_relu")(x)
        x = keras.layers.MaxPooling2D(name=f"block{block}_pool")(x)
    return x
