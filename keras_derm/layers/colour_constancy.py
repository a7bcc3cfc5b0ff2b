"""Removal of the colour of the light."""

import keras
import tensorflow as tf

from keras_derm.layers.colour_spaces import positive_power
from keras_derm.layers.image_layer import ImageLayer

_DARKEST = 1e-6
NORMS = {"grey_world": 1.0, "shades_of_grey": 6.0, "max_rgb": float("inf")}


@keras.saving.register_keras_serializable(package="keras_derm")
class ColourConstancy(ImageLayer):
    """Estimate the colour of the light and divide by it.

    The light's colour is the Minkowski mean of each channel, (mean x^p)^(1/p): the
    plain mean for `"grey_world"` (p = 1), p = 6 for `"shades_of_grey"`, the maximum
    for `"max_rgb"`. Channels are divided by it so that a grey light changes nothing.
    Values above 255 are cut.

    Skin is not grey: the estimate takes the colour of large areas of skin for the
    colour of the light and bleaches it. Measure skin tone before, never after.

    Args:
        method: `"shades_of_grey"`, `"grey_world"` or `"max_rgb"`.

    Example:
        >>> corrected = ColourConstancy("shades_of_grey")(images)

    Reference:
        Finlayson and Trezzi, Shades of gray and colour constancy, Color and Imaging
        Conference 2004; for dermoscopy Barata et al., IEEE Journal of Biomedical and
        Health Informatics 19, 2015.
    """

    def __init__(self, method="shades_of_grey", **kwargs):
        super().__init__(**kwargs)
        if method not in NORMS:
            raise ValueError(
                f"`method` must be one of {tuple(NORMS)}. Received: {method!r}"
            )
        self.method = method

    def transform(self, images, training):
        light = self._light(images)
        grey = tf.sqrt(tf.reduce_mean(light**2, axis=-1, keepdims=True))
        # A channel without any light stays black instead of being divided by 0.
        gain = tf.where(light > 0, grey / tf.where(light > 0, light, 1.0), 1.0)
        return tf.minimum(images * gain, 255.0)

    def _light(self, images):
        """Return the colour of the light of each image, (batch, 1, 1, 3)."""
        # The light is a measurement: no gradient goes through its root.
        images = tf.stop_gradient(images)
        greatest = tf.reduce_max(images, axis=(1, 2), keepdims=True)
        if self.method == "max_rgb":
            return greatest
        norm = NORMS[self.method]
        # Relative to the maximum: 255 ** 6 summed would lose float32 digits.
        relative = images / tf.maximum(greatest, _DARKEST)
        power = positive_power(tf.maximum(relative, _DARKEST), norm)
        mean = tf.reduce_mean(power, axis=(1, 2), keepdims=True)
        return greatest * positive_power(mean, 1.0 / norm)
