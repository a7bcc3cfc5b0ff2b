"""Photographs of any shape stretched to squares."""

import keras
import tensorflow as tf

from keras_derm.layers.accelerator import is_for_accelerator
from keras_derm.layers.antialiased_resize import antialiased_resize
from keras_derm.layers.image_layer import ImageLayer


@keras.saving.register_keras_serializable(package="keras_derm")
class SquareResize(ImageLayer):
    """Resize photographs to a square; those that are not square are stretched.

    What `keras.layers.Resizing(size, size, antialias=True)` does, in float32 for uint8
    images too, and with masks that follow by area instead of by the nearest pixel.

    Args:
        size: Side of the result in pixels.

    Example:
        >>> SquareResize(224)(photographs).shape
        TensorShape([8, 224, 224, 3])
    """

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        if size < 1:
            raise ValueError(f"`size` must be 1 or more. Received: {size}")
        self.size = int(size)

    def squared(self, pixels):
        """Return float32 pixels `(batch, height, width, channels)` as squares.

        What is added, if anything, is 0.
        """
        squares = resized(pixels, (self.size, self.size))
        return tf.ensure_shape(squares, (None, self.size, self.size, pixels.shape[3]))

    def transform(self, images, training):
        return self.squared(images)

    def transform_segmentation_masks(self, masks, transformation=None, training=True):
        """Move masks as the photographs are moved.

        Args:
            masks: (batch, height, width, 1), not 0 where the lesion is.
            transformation, training: As for the random layers of Keras; unused.

        Returns:
            (batch, size, size, 1), bool: where the lesion covers more than half of a
            pixel. What padding adds is no lesion.
        """
        lesion = tf.cast(tf.cast(masks, tf.bool), tf.float32)
        return self.squared(lesion) > 0.5

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.size, self.size, input_shape[3])


def resized(pixels, size):
    """Return pixels within [0, 255] at another height and width, antialiased."""
    if is_for_accelerator():
        pixels = antialiased_resize(pixels, size)
    else:
        pixels = tf.image.resize(pixels, size, antialias=True)
    # The filter's weights sum to 1 only up to rounding.
    return tf.clip_by_value(pixels, 0.0, 255.0)
