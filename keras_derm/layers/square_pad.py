"""Photographs of any shape as squares."""

import keras
import tensorflow as tf

from keras_derm.layers.image_layer import ImageLayer

FILLS = ("reflect", "black")


@keras.saving.register_keras_serializable(package="keras_derm")
class SquarePad(ImageLayer):
    """Resize photographs so that they fit into a square, and pad the shorter side.

    Nothing is cut off, and nothing is stretched by more than half a pixel. Enlarging
    is bilinear; shrinking is antialiased, for which XLA has no kernel: not under
    `jit_compile=True`.

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
        lengths = [_length(images, axis) for axis in (1, 2)]
        content = [_share(self.size, length, lengths) for length in lengths]
        # Padding last touches the pixels of the result, not of the photograph.
        if any(map(tf.is_tensor, lengths)) or content != lengths:
            images = tf.image.resize(images, tf.stack(content), antialias=True)
            # The filter's weights sum to 1 only up to rounding.
            images = tf.clip_by_value(images, 0.0, 255.0)
        for axis, length in zip((1, 2), content, strict=True):
            if tf.is_tensor(length) or length < self.size:
                images = self._pad(images, length, axis)
        return tf.ensure_shape(images, (None, self.size, self.size, 3))

    def _pad(self, images, length, axis):
        before = (self.size - length) // 2
        if self.fill == "black":
            paddings = [[0, 0]] * 4
            paddings[axis] = [before, self.size - length - before]
            return tf.pad(images, paddings)
        position = (tf.range(self.size) - before) % (2 * length)
        return tf.gather(
            images, tf.minimum(position, 2 * length - 1 - position), axis=axis
        )

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.size, self.size, input_shape[3])

    def get_config(self):
        config = super().get_config()
        config.update(size=self.size, fill=self.fill)
        return config


def _length(images, axis):
    known = images.shape[axis]
    return tf.shape(images)[axis] if known is None else known


def _share(size, length, lengths):
    """Return the pixels that one side takes in a square whose side is the longer's."""
    known = not any(map(tf.is_tensor, lengths))
    greater = max if known else tf.maximum
    longer = greater(*lengths)
    return greater(1, (2 * size * length + longer) // (2 * longer))
