"""Gamma correction."""

import keras
import tensorflow as tf

from keras_derm.layers.colour_spaces import positive_power
from keras_derm.layers.image_layer import ImageLayer

_DARKEST = 1e-3


@keras.saving.register_keras_serializable(package="keras_derm")
class GammaCorrection(ImageLayer):
    """Raise intensities to a power: 255 * (x / 255) ** gamma.

    A gamma below 1 brightens the shadows, one above 1 darkens; as
    `skimage.exposure.adjust_gamma`.

    Args:
        gamma: Exponent, above 0.

    Example:
        >>> brightened = GammaCorrection(1 / 1.2)(images)
    """

    def __init__(self, gamma, **kwargs):
        super().__init__(**kwargs)
        if not gamma > 0:
            raise ValueError(f"`gamma` must be above 0. Received: {gamma}")
        self.gamma = float(gamma)

    def transform(self, images, training):
        power = positive_power(tf.maximum(images, _DARKEST) / 255.0, self.gamma)
        # A root has no slope at 0: below the least level it goes straight to black.
        return 255.0 * power * tf.minimum(images / _DARKEST, 1.0)
