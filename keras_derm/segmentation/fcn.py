"""The fully convolutional network of the lora_diffusion system."""

import keras

from keras_derm.layers.imagenet_normalization import MEAN, STANDARD_DEVIATION
from keras_derm.segmentation.outputs import mask_outputs

FILTERS = (16, 32, 64)
SCALE = [1 / (255 * deviation) for deviation in STANDARD_DEVIATION]
OFFSET = [
    -mean / deviation for mean, deviation in zip(MEAN, STANDARD_DEVIATION, strict=True)
]
CONVOLUTION = {
    "kernel_size": 3,
    "padding": "same",
    "activation": "relu",
    "kernel_initializer": "he_normal",
}


def fcn(image_size):
    """Three convolutional blocks and as many transposed convolutions.

    Published are the filters (16, 32, 64), the max pooling behind each block and the
    transposed convolutions back to the size of the image. Ours are two convolutions a
    block, kernels of 3 x 3, ReLU, the first weights, and the filters of the way back
    (64, 32, 16). Images are normalised by the statistics of ImageNet, as all are in
    section 3.3.1.

    Args:
        image_size: Side of the square input in pixels, a multiple of 8.

    Returns:
        Functional `keras.Model`: float RGB in [0, 255], `(batch, side, side, 3)`, to
        the probability of lesion, `(batch, side, side, 1)`.

    Raises:
        ValueError: The size is no multiple of 8.

    Reference:
        Shabu, Ansari, Aslam, section 3.3.2 (shared as the recipe lora_diffusion).
    """
    if image_size % 2 ** len(FILTERS):
        raise ValueError(
            "the FCN halves its images three times: `image_size` must be a multiple "
            f"of 8. Received: {image_size}"
        )
    inputs = keras.Input((image_size, image_size, 3), name="image")
    x = keras.layers.Rescaling(SCALE, OFFSET, name="rescaling")(inputs)
    for number, filters in enumerate(FILTERS, 1):
        for repeat in "ab":
            x = keras.layers.Conv2D(
                filters, name=f"block_{number}{repeat}", **CONVOLUTION
            )(x)
        x = keras.layers.MaxPooling2D(name=f"pool_{number}")(x)
    for number, filters in enumerate(reversed(FILTERS), 1):
        x = keras.layers.Conv2DTranspose(
            filters, strides=2, name=f"transposed_{number}", **CONVOLUTION
        )(x)
    return keras.Model(inputs, mask_outputs(x), name="fcn")
