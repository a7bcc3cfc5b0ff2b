"""Base class of the layers that make photographs of any shape square."""

import tensorflow as tf

from keras_derm.layers.image_layer import ImageLayer


class SquareLayer(ImageLayer):
    """A layer that brings photographs of any shape into squares of one size.

    Subclasses implement `squared(pixels)`, which fills what it adds with 0.

    Args:
        size: Side of the result in pixels.
        **kwargs: Arguments of `keras.layers.Layer`.
    """

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        if size < 1:
            raise ValueError(f"`size` must be 1 or more. Received: {size}")
        self.size = int(size)

    def squared(self, pixels):
        """Return float32 pixels `(batch, height, width, channels)` as squares."""
        raise NotImplementedError

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

    def get_config(self):
        return {**super().get_config(), "size": self.size}


def resized(pixels, size):
    """Return pixels within [0, 255] at another height and width, antialiased."""
    pixels = tf.image.resize(pixels, size, antialias=True)
    # The filter's weights sum to 1 only up to rounding.
    return tf.clip_by_value(pixels, 0.0, 255.0)
