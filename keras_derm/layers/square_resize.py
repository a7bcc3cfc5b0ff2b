"""Photographs of any shape stretched to squares."""

import keras

from keras_derm.layers.square_layer import SquareLayer, resized


@keras.saving.register_keras_serializable(package="keras_derm")
class SquareResize(SquareLayer):
    """Resize photographs to a square; those that are not square are stretched.

    What `keras.layers.Resizing(size, size, antialias=True)` does, in float32 for uint8
    images too, and with masks that follow by area instead of by the nearest pixel.

    Args:
        size: Side of the result in pixels.
        **kwargs: Arguments of `keras.layers.Layer`.

    Example:
        >>> SquareResize(224)(photographs).shape
        TensorShape([8, 224, 224, 3])
    """

    def squared(self, pixels):
        return resized(pixels, (self.size, self.size))
