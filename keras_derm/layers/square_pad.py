"""Photographs of any shape as squares."""

import keras
import tensorflow as tf

from keras_derm.layers.square_resize import SquareResize, resized

FILLS = ("reflect", "black")


@keras.saving.register_keras_serializable(package="keras_derm")
class SquarePad(SquareResize):
    """Resize photographs so that they fit into a square, and pad the shorter side.

    Nothing is cut off, and nothing is stretched by more than half a pixel. Enlarging
    is bilinear; shrinking is antialiased, for which XLA has no kernel: not under
    `jit_compile=True`.

    Args:
        size: Side of the result in pixels.
        fill: `"reflect"` mirrors the image over its edge, which leaves no artificial
            border for a network to find; `"black"` is what the recipe melanet has,
            whose paper pads and names no colour.

    Example:
        >>> SquarePad(224)(photographs).shape
        TensorShape([8, 224, 224, 3])

    Reference:
        Zunair and Ben Hamza, Melanoma detection using adversarial training and deep
        transfer learning, Physics in Medicine & Biology 65, 2020 (melanet).
    """

    def __init__(self, size, fill="reflect", **kwargs):
        super().__init__(size, **kwargs)
        if fill not in FILLS:
            raise ValueError(f"`fill` must be one of {FILLS}. Received: {fill!r}")
        self.fill = fill

    def transform(self, images, training):
        return self.squared(images, self.fill)

    def squared(self, pixels, fill="black"):
        lengths = [_length(pixels, axis) for axis in (1, 2)]
        content = [_share(self.size, length, lengths) for length in lengths]
        # Padding last touches the pixels of the result, not of the photograph.
        if any(map(tf.is_tensor, lengths)) or content != lengths:
            pixels = resized(pixels, tf.stack(content))
        for axis, length in zip((1, 2), content, strict=True):
            if tf.is_tensor(length) or length < self.size:
                pixels = self._pad(pixels, length, axis, fill)
        return tf.ensure_shape(pixels, (None, self.size, self.size, pixels.shape[3]))

    def _pad(self, pixels, length, axis, fill):
        before = (self.size - length) // 2
        if fill == "black":
            paddings = [[0, 0]] * 4
            paddings[axis] = [before, self.size - length - before]
            return tf.pad(pixels, paddings)
        position = (tf.range(self.size) - before) % (2 * length)
        return tf.gather(
            pixels, tf.minimum(position, 2 * length - 1 - position), axis=axis
        )


def _length(pixels, axis):
    known = pixels.shape[axis]
    return tf.shape(pixels)[axis] if known is None else known


def _share(size, length, lengths):
    """Return the pixels that one side takes in a square whose side is the longer's."""
    known = not any(map(tf.is_tensor, lengths))
    greater = max if known else tf.maximum
    longer = greater(*lengths)
    return greater(1, (2 * size * length + longer) // (2 * longer))
