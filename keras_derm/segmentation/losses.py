"""What segmenters are trained by."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_derm")
class DiceCrossEntropy(keras.losses.Loss):
    """Mean of the binary cross-entropy and of 1 - Dice, the Dice of each image.

    Cross-entropy judges pixels one by one and keeps probabilities honest; Dice judges
    the whole and weighs small lesions like large ones.

    Args:
        smoothing: Added to both sides of the fraction, in pixels.
        **kwargs: Arguments of `keras.losses.Loss`.

    Example:
        >>> model.compile("adam", DiceCrossEntropy())

    Reference:
        Milletari, Navab, Ahmadi, V-Net, 3DV 2016 (Dice loss).
    """

    def __init__(self, smoothing=1.0, name="dice_cross_entropy", **kwargs):
        super().__init__(name=name, **kwargs)
        self.smoothing = smoothing

    def call(self, y_true, y_pred):
        y_true = ops.cast(y_true, y_pred.dtype)
        axes = (1, 2, 3)
        entropy = ops.mean(
            keras.losses.binary_crossentropy(y_true, y_pred), axis=(1, 2)
        )
        overlap = ops.sum(y_true * y_pred, axis=axes)
        total = ops.sum(y_true, axis=axes) + ops.sum(y_pred, axis=axes)
        dice = (2 * overlap + self.smoothing) / (total + self.smoothing)
        return 0.5 * entropy + 0.5 * (1 - dice)

    def get_config(self):
        return super().get_config() | {"smoothing": self.smoothing}
