"""Weights in int8, arithmetic in float."""

import contextlib
import importlib.util
import io


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
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        return bytes(tool.quantize().quantized_model)
