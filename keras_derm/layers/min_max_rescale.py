"""Contrast stretching of each image to the full range."""

import keras
import tensorflow as tf

from keras_derm.layers.image_layer import ImageLayer


@keras.saving.register_keras_serializable(package="keras_derm")
class MinMaxRescale(ImageLayer):
    """Stretch every image so that its least value is 0 and its greatest 255.

    Equation 7 of melanet, x' = (x - min) / (max - min), times 255: image layers keep
    the scale of photographs. Minimum and maximum are those of the whole image, all
    channels together. An image of one value comes back as it is.

    Real and synthetic images must both go through it or neither: the system that
    published it stretched the synthetic ones alone, and the stretch gave the label
    away.

    Example:
        >>> stretched = MinMaxRescale()(images)

    Reference:
        Zunair and Ben Hamza, Melanoma detection using adversarial training and deep
        transfer learning, Physics in Medicine & Biology 65, 2020, equation 7.
    """

    sets_range = True

    def transform(self, images, training):
        low = tf.reduce_min(images, axis=(1, 2, 3), keepdims=True)
        high = tf.reduce_max(images, axis=(1, 2, 3), keepdims=True)
        flat = high <= low
        scale = tf.where(flat, 1.0, 255.0 / tf.where(flat, 1.0, high - low))
        offset = tf.where(flat, 0.0, low)
        return tf.minimum((images - offset) * scale, 255.0)  # up to rounding
