"""From [0, 255] RGB to what a backbone was trained on."""

import keras
from keras import ops

MODES = ("none", "tf", "lite", "caffe", "unit")


@keras.saving.register_keras_serializable(package="keras_derm")
class InputScaling(keras.layers.Layer):
    """Scale [0, 255] RGB images as a backbone was trained.

    It is part of the model, so that users always give [0, 255] RGB.

    Args:
        mode: `"tf"` gives [-1, 1]; `"lite"` gives (x - 127) / 128, as EfficientNet-Lite
            was trained; `"caffe"` gives BGR with the ImageNet mean subtracted; `"unit"`
            gives [0, 1], as melanet has it; `"none"` leaves the values alone (the
            backbone scales them).
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: The mode is unknown.

    Example:
        >>> scaled = InputScaling("tf")(keras.Input((224, 224, 3)))
    """

    _CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)

    def __init__(self, mode, **kwargs):
        super().__init__(**kwargs)
        if mode not in MODES:
            raise ValueError(f"`mode` must be one of {MODES}. Received: {mode!r}")
        self.mode = mode

    def call(self, images):
        if self.mode == "tf":
            return images / 127.5 - 1.0
        if self.mode == "unit":
            return images / 255.0
        if self.mode == "lite":
            return (images - 127.0) / 128.0
        if self.mode == "caffe":
            # Not ops.flip: TFLite's converter gives a REVERSE_V2 before a subtraction a
            # wrong scale in int8, and the colours come out by tens of levels off.
            bgr = images[..., ::-1]
            return bgr - ops.array(self._CAFFE_MEAN_BGR, dtype=images.dtype)
        return images

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "mode": self.mode}
