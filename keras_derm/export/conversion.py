"""How TensorFlow's converter is told to quantise."""

import numpy as np

MODES = ("int8", "selective", "weight_only", "dynamic", "float16")
IO = ("float", "int8", "uint8")


def conversion_settings(mode, io, images):
    """Give the attributes of a `TFLiteConverter` that make it quantise.

    The value of `target_spec` is a dict of its own attributes. `images` are
    representative ones, or None where ranges are in the graph. For `"weight_only"`
    nothing is quantised: `keras_derm.export.weight_only` does it afterwards.
    """
    # Loaded here: the package serves inference where there is no TensorFlow.
    import tensorflow as tf

    operations = tf.lite.OpsSet
    settings = {
        "optimizations": [tf.lite.Optimize.DEFAULT] if mode != "weight_only" else [],
        "target_spec": {"supported_ops": [operations.TFLITE_BUILTINS]},
    }
    if mode == "int8" and images is not None:
        images = _whole_range(images) if io != "float" else images
        settings["representative_dataset"] = lambda: (
            [image[np.newaxis].astype("float32")] for image in images
        )
        settings["target_spec"]["supported_ops"] = [operations.TFLITE_BUILTINS_INT8]
    if mode == "float16":
        settings["target_spec"]["supported_types"] = [tf.float16]
    if io != "float":
        kind = {"int8": tf.int8, "uint8": tf.uint8}[io]
        settings["inference_input_type"] = settings["inference_output_type"] = kind
    return settings


def apply_settings(converter, settings):
    """Set what `conversion_settings` gave on a `TFLiteConverter`."""
    for name, value in settings.items():
        if name == "target_spec":
            for part, of_part in value.items():
                setattr(converter.target_spec, part, of_part)
        else:
            setattr(converter, name, value)


def _whole_range(images):
    """The images, one with a black and a white pixel in its corners.

    Then the range of the image is exactly [0, 255], and a step of the input is a step
    of the photograph: its bytes go in as they are.
    """
    images = np.array(images)
    images[0, 0, 0], images[0, -1, -1] = 0, 255
    return images
