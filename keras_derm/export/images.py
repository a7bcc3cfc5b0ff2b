"""Photographs as the array that a model takes, without TensorFlow."""

import numpy as np
from PIL import Image

from keras_derm.photographs import read_image


def load_images(paths, image_size):
    """Read photographs and resize them, as `keras_derm.layers.resize` does.

    A model whose description names a `preset` other than `cwgan_gp` was trained on
    images prepared by more than that (hair removal, say): `apps/predict.py` does it.

    Args:
        paths: Image files.
        image_size: `(height, width)` in pixels, a model's `image_size`.

    Returns:
        uint8 array `(n, height, width, 3)`, RGB, averaged where it shrinks.

    Raises:
        ImageError: If a file is missing, damaged or no image.

    Example:
        >>> ensemble = QuantizedEnsemble("ensemble")
        >>> ensemble.predict(load_images(["lesion.jpg"], ensemble.image_size))
    """
    height, width = image_size
    images = np.empty((len(paths), height, width, 3), "uint8")
    for i, path in enumerate(paths):
        photograph = Image.fromarray(read_image(path))
        images[i] = photograph.resize((width, height), Image.Resampling.BILINEAR)
    return images
