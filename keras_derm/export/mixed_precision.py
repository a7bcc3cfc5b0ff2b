"""Find the layers that int8 costs most, and leave them in float."""

import contextlib
import csv
import io as streams
import tempfile
import warnings
from dataclasses import dataclass

import numpy as np

from keras_derm.export.conversion import apply_settings, conversion_settings


@dataclass(frozen=True)
class PartInFloat:
    """Neighbouring operations of a network, and what it gains when they are float.

    Attributes:
        tensors: Names of their results, for `export_tflite(..., float_layers=)`.
        error: Mean absolute difference of the probabilities from the float model when
            these operations alone are in float.
        error_all_int8: The same when nothing is.
        size_bytes: Of the file then.
    """

    tensors: tuple
    error: float
    error_all_int8: float
    size_bytes: int


def sensitive_layers(model, images, n_parts=8, n_measured=50):
    """Measure which part of a network gains most from staying in float.

    Each part in turn stays in float while the rest runs in int8, and the result is
    held against the float model. Parts are neighbours in the order of the network,
    not single operations: what a single one gives is rounded again for the next, so
    that on its own it gains next to nothing. Each overlaps the next by half, lest two
    that belong together be always parted.

    Args:
        model: Functional classifier as `export_tflite` takes it.
        images: Representative images `(n, height, width, 3)`, RGB in [0, 255].
        n_parts: How many parts, without the overlap, make the network.
        n_measured: Images that the results are compared on, the first of `images`.

    Returns:
        List of `PartInFloat`, the one that gains most first.

    Raises:
        ValueError: There are more parts than operations, or no images.

    Example:
        >>> best = sensitive_layers(model, images)[0]
        >>> export_tflite(model, "mixed.tflite", images, float_layers=best.tensors)
    """
    if len(images) == 0:
        raise ValueError("Sensitivity is measured on images. Received: 0 images")
    debugger = _debugger(model, images)
    names = _operations(debugger)
    if not 1 <= n_parts <= len(names):
        raise ValueError(
            f"`n_parts` must be 1 to {len(names)}, the operations of the network. "
            f"Received: {n_parts}"
        )
    measured = np.asarray(images[:n_measured], "float32")
    expected = np.asarray(model.predict(measured, verbose=0))

    def error(content):
        return float(np.abs(_probabilities(content, measured) - expected).mean())

    error_all_int8 = error(_mixed(debugger, ()))
    parts = []
    for part in _overlapping(names, n_parts):
        content = _mixed(debugger, part)
        parts.append(PartInFloat(part, error(content), error_all_int8, len(content)))
    return sorted(parts, key=lambda part: part.error)


def convert_mixed(model, images, io, float_layers):
    """Convert to int8 but for the operations that give some tensors.

    Args:
        model: Functional model.
        images: Representative images.
        io: `"float"` or `"int8"`, the type of image and probabilities.
        float_layers: Names of tensors, as `sensitive_layers` gives them.

    Returns:
        Bytes of the TFLite file.

    Raises:
        ValueError: The network has no such tensor.
    """
    debugger = _debugger(model, images, io)
    unknown = sorted(set(float_layers) - set(_operations(debugger)))
    if unknown:
        raise ValueError(
            "`float_layers` must be tensors of the network as `sensitive_layers` names "
            f"them. Received: {unknown}"
        )
    return _mixed(debugger, float_layers, fully_quantize=io != "float")


def _debugger(model, images, io="float"):
    """TensorFlow's tool for int8 conversions with exceptions; ranges are measured."""
    import keras
    import tensorflow as tf

    settings = conversion_settings("int8", io, images)
    # Layers may stay in float, so operations in float must be allowed.
    settings["target_spec"]["supported_ops"] = [tf.lite.OpsSet.TFLITE_BUILTINS]
    shape = (1, *model.input_shape[1:])
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        "serve",
        lambda image: model(image, training=False),
        input_signature=[keras.InputSpec(shape=shape, dtype="float32")],
    )
    one = np.asarray(images[:1], "float32")
    with tempfile.TemporaryDirectory() as folder, _quietly():
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        apply_settings(converter, settings)
        return tf.lite.experimental.QuantizationDebugger(
            converter=converter, debug_dataset=lambda: iter([[one]])
        )


def _operations(debugger):
    """Names of the results of all operations that int8 takes, in order."""
    with _quietly():
        debugger.run()
    table = streams.StringIO()
    debugger.layer_statistics_dump(table)
    table.seek(0)
    names = [row["tensor_name"] for row in csv.DictReader(table)]
    return list(dict.fromkeys(names))


def _overlapping(names, n_parts):
    length = -(-len(names) // n_parts)
    last = len(names) - length
    starts = sorted({*range(0, last, max(1, length // 2)), last})
    return [tuple(names[start : start + length]) for start in starts]


def _mixed(debugger, float_layers, fully_quantize=False):
    import tensorflow as tf

    with _quietly():
        debugger.options = tf.lite.experimental.QuantizationDebugOptions(
            denylisted_nodes=list(float_layers), fully_quantize=fully_quantize
        )
        return debugger.get_nondebug_quantized_model()


def _probabilities(content, images):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]["index"]
    output = interpreter.get_output_details()[0]["index"]
    found = []
    for image in images:
        interpreter.set_tensor(entry, image[np.newaxis])
        interpreter.invoke()
        found.append(interpreter.get_tensor(output)[0])
    return np.stack(found)


@contextlib.contextmanager
def _quietly():
    """TensorFlow's tool runs the interpreter that TensorFlow itself deprecates."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(?s).*tf.lite.Interpreter is deprecated")
        yield
