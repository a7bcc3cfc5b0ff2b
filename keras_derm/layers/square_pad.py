"""Pad photographs to squares and resize them."""

import keras
import tensorflow as tf

from keras_derm.layers.image_layer import ImageLayer

FILLS = ("reflect", "black")


@keras.saving.register_keras_serializable(package="keras_derm")
class SquarePad(ImageLayer):
    """Pad the shorter side until the image is square, then resize it.

    Nothing is cut off and nothing is stretched. Enlarging is bilinear; shrinking
    is antialiased, for which XLA has no kernel: not under `jit_compile=True`.

    Args:
        size: Side of the result in pixels.
        fill: `"reflect"` mirrors the image over its edge, which leaves no artificial
            border for a network to find; `"black"` is what the melanet system
            published.
        **kwargs: Arguments of `keras.layers.Layer`.

    Reference:
        Zunair and Ben Hamza, Melanoma detection using adversarial training and deep
        transfer learning, Physics in Medicine & Biology 65, 2020 (melanet).
    """

    def __init__(self, size, fill="reflect", **kwargs):
        super().__init__(**kwargs)
        if size < 1:
            raise ValueError(f"`size` must be 1 or more. Received: {size}")
        if fill not in FILLS:
            raise ValueError(f"`fill` must be one of {FILLS}. Received: {fill!r}")
        self.size = int(size)
        self.fill = fill

    def transform(self, images, training):
        side = tf.maximum(tf.shape(images)[1], tf.shape(images)[2])
        for axis in (1, 2):
            images = self._pad(images, side, axis)
        images = tf.image.resize(images, (self.size, self.size), antialias=True)
        # The filter's weights sum to 1 only up to rounding.
        return tf.clip_by_value(images, 0.0, 255.0)

    def _pad(self, images, side, axis):
        length = tf.shape(images)[axis]
        before = (side - length) // 2
        if self.fill == "black":
            paddings = [[0, 0]] * 4
            paddings[axis] = [before, side - length - before]
            return tf.pad(images, paddings)
        position = (tf.range(side) - before) % (2 * length)
        return tf.gather(
            images, tf.minimum(position, 2 * length - 1 - position), axis=axis
        )

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.size, self.size, input_shape[3])

    def get_config(self):
        config = super().get_config()
        config.update(size=self.size, fill=self.fill)
        return config
