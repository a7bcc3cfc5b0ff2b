"""The preparations of the published systems for one photograph, by name."""

import numpy as np

from keras_derm.preparations.hair import without_hair, without_hair_as_published
from keras_derm.preparations.rulers import without_rulers
from keras_derm.preparations.squares import padded_square, stretched_square

_PREPARATIONS = {
    None: stretched_square,
    "cwgan_gp": stretched_square,
    "keras_derm": lambda image, size: without_rulers(
        without_hair(padded_square(image, size))
    ),
    "sn_gan_ensemble": lambda image, size: without_hair_as_published(
        stretched_square(image, size)
    ),
    "melanet": lambda image, size: _full_range(padded_square(image, size, "black")),
}


def photograph_preparation(preset, image_size):
    """Function that prepares one photograph as the layers of a preset do.

    What comes out is what `keras_derm.pipeline.image_preparation` gives of
    `keras_derm.layers.preparation(preset, image_size)`. It takes a fifth of the time
    for a single photograph, and no TensorFlow.

    Args:
        preset: Name of a preset, or None to resize and do no more.
        image_size: Side of the result in pixels.

    Returns:
        Function from a uint8 RGB array `(height, width, 3)` of any size to one of
        `(image_size, image_size, 3)`; or None for a preset that TensorFlow alone can
        do, as the denoising of "lora_diffusion".

    Example:
        >>> prepared = photograph_preparation("keras_derm", 128)(photograph)
    """
    chain = _PREPARATIONS.get(preset)
    if chain is None:
        return None
    return lambda image: _to_uint8(chain(image, image_size))


def _full_range(image):
    """What `keras_derm.layers.MinMaxRescale` does."""
    low, high = image.min(), image.max()
    if high <= low:
        return image
    return np.minimum((image - low) * (np.float32(255) / (high - low)), 255)


def _to_uint8(image):
    return np.clip(np.floor(image + np.float32(0.5)), 0, 255).astype("uint8")
