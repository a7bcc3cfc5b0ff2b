"""How TensorFlow's converter is told to quantise, and what it has no mode for."""

import contextlib
import importlib.util
import os
import sys
import tempfile
from io import StringIO

import numpy as np

MODES = ("int8", "selective", "weight_only", "dynamic", "float16")
IO = ("float", "int8", "uint8")


def conversion_settings(mode, io, images):
    """Give the attributes of a `TFLiteConverter` that make it quantise.

    The value of `target_spec` is a dict of its own attributes. `images` are
    representative ones, or None where ranges are in the graph. For `"weight_only"`
    nothing is quantised: `weights_in_int8` does it afterwards.
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


def check_quantizer():
    """Raise ImportError unless AI Edge Quantizer is installed."""
    if importlib.util.find_spec("ai_edge_quantizer") is None:
        raise ImportError(
            "Mode weight_only needs the extra `quantization`: pip install "
            '"keras_derm[quantization]". Received: no ai_edge_quantizer'
        )


def weights_in_int8(path):
    """Bytes of a TFLite file in float with its weights in int8, per channel.

    TensorFlow's converter has no mode for it: its dynamic range quantises activations,
    too. Each kernel is brought back to float when the network is loaded.
    """
    from ai_edge_quantizer import quantizer, recipe

    tool = quantizer.Quantizer(str(path))
    tool.load_quantization_recipe(recipe.weight_only_wi8_afp32())
    # It prints sizes, and a bar for work of milliseconds.
    printed = StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        return bytes(tool.quantize().quantized_model)


@contextlib.contextmanager
def without_chatter():
    """Keep to itself what the converter's C++ writes to the terminal.

    It says on stderr what it was told to do. Where the conversion fails, what was
    written is shown.
    """
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            sys.stderr.flush()
            kept.seek(0)
            os.write(terminal, kept.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)
