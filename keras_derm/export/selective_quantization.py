"""Conversion to int8 that leaves in float what int8 would cost most."""

import tempfile
import warnings
from dataclasses import dataclass

import numpy as np
from rich.progress import track

from keras_derm.export.conversion import apply_settings, conversion_settings
from keras_derm.export.runtime import LiteRTNetwork

N_PARTS = 8
N_MEASURED = 50
MAX_GROWTH = 1.1
"""Of the file, by a part that `convert_int8` leaves in float of itself."""


@dataclass(frozen=True)
class PartInFloat:
    """Neighbouring operations of a network, and what it gains when they are float.

    Attributes:
        tensors: Names of their results, for `export_tflite(..., float_layers=)`.
        error: Mean absolute difference of the probabilities from the float model when
            these operations alone are in float.
        error_all_int8: The same when nothing is.
        size_bytes: Of the file then.

    Example:
        >>> sensitive_layers(model, images)[0].error_all_int8
        0.021
    """

    tensors: tuple
    error: float
    error_all_int8: float
    size_bytes: int


def sensitive_layers(model, images, n_parts=N_PARTS, n_measured=N_MEASURED):
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
        >>> export_tflite(model, "model.tflite", images, float_layers=best.tensors)
    """
    if len(images) == 0:
        raise ValueError("Sensitivity is measured on images. Received: 0 images")
    network = _calibrated(model, images)
    if not 1 <= n_parts <= len(network.operations):
        raise ValueError(
            f"`n_parts` must be 1 to {len(network.operations)}, the operations of the "
            f"network. Received: {n_parts}"
        )
    return _measured_parts(
        network, network.converted(), model, images, n_parts, n_measured
    )


def convert_int8(model, images, io="float", float_layers=(), selective=False):
    """Convert to int8 but for the class probabilities and what else stays in float.

    TFLite gives the softmax of int8 steps of 1/256: all probabilities of a rare class
    that are smaller become equal, and its AUC falls. Of what the dense layer before it
    sums up, the scores of some classes are narrow where one is wide. So that layer, the
    softmax, and what an ensemble averages after it, are float: next to no work.

    Arguments are as in `export_tflite`. `selective` chooses `float_layers` by
    measurement: of the parts of `sensitive_layers` the one that gains most, without
    making the file over a tenth larger. With `io` `"int8"` the probabilities have the
    steps of int8.

    Returns:
        Bytes of the TFLite file, and the list of the tensors left in float besides
        the probabilities.

    Raises:
        ValueError: The network has no such tensor.

    Reference:
        TensorFlow, "Inspecting quantization errors with Quantization Debugger", which
        calls it selective quantization.
    """
    network = _calibrated(model, images, io)
    unknown = sorted(set(float_layers) - set(network.operations))
    if unknown:
        raise ValueError(
            "`float_layers` must be tensors of the network as `sensitive_layers` names "
            f"them. Received: {unknown}"
        )
    if selective:
        float_layers = _costly_part(network, model, images)
    return network.converted(float_layers), list(float_layers)


class CalibratedNetwork:
    """A network whose ranges are measured, to be quantised in one way or another.

    Args:
        converter: `TFLiteConverter` of a network that takes one image.
        images: Representative images.
        io: `"float"` or `"int8"`.

    Attributes:
        operations: Names of the results of all operations before the probabilities,
            in the order of the network.

    Example:
        >>> network = CalibratedNetwork(converter, images)
        >>> content = network.converted(float_layers=network.operations[:4])
    """

    def __init__(self, converter, images, io="float"):
        import tensorflow as tf

        settings = conversion_settings("int8", io, images)
        # Layers may stay in float, so operations in float must be allowed.
        settings["target_spec"]["supported_ops"] = [tf.lite.OpsSet.TFLITE_BUILTINS]
        apply_settings(converter, settings)
        with warnings.catch_warnings():
            # TensorFlow's tool for int8 conversions with exceptions runs an interpreter
            # that TensorFlow itself deprecates.
            warnings.filterwarnings("ignore", "(?s).*tf.lite.Interpreter is deprecated")
            debugger = tf.lite.experimental.QuantizationDebugger(converter=converter)
        self._calibrated = debugger.calibrated_model
        self._fully_quantize = io != "float"
        before, after = _results(self._calibrated)
        self.operations = before + after if self._fully_quantize else before
        self._probabilities = [] if self._fully_quantize else after

    def converted(self, float_layers=()):
        """TFLite file in int8 but for some results, bytes."""
        # What the tool itself calls, which it does twice.
        from tensorflow.lite.python.convert import mlir_quantize

        return mlir_quantize(
            self._calibrated,
            fully_quantize=self._fully_quantize,
            denylisted_nodes=[*float_layers, *self._probabilities],
        )


def _calibrated(model, images, io="float"):
    """`CalibratedNetwork` of a Keras model."""
    import keras
    import tensorflow as tf

    # A batch of one lets LiteRT plan memory and kernels ahead.
    shape = (1, *model.input_shape[1:])
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        "serve",
        lambda image: model(image, training=False),
        input_signature=[keras.InputSpec(shape=shape, dtype="float32")],
    )
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        return CalibratedNetwork(converter, images, io)


def _results(content):
    """Names of all results of a TFLite file: before the class scores, and from them."""
    from tensorflow.lite.python.schema_py_generated import BuiltinOperator
    from tensorflow.lite.tools.flatbuffer_utils import convert_bytearray_to_object

    network = convert_bytearray_to_object(content)
    (graph,) = network.subgraphs
    kinds = [
        network.operatorCodes[operator.opcodeIndex].builtinCode
        for operator in graph.operators
    ]
    scores = {
        operator.inputs[0]
        for operator, kind in zip(graph.operators, kinds, strict=True)
        if kind == BuiltinOperator.SOFTMAX
    }
    before, after, reached = [], [], set()
    for operator, kind in zip(graph.operators, kinds, strict=True):
        is_softmax = kind == BuiltinOperator.SOFTMAX
        is_dense = kind == BuiltinOperator.FULLY_CONNECTED
        is_last_dense = is_dense and scores & {*operator.outputs}
        is_after = is_softmax or is_last_dense or reached & {*operator.inputs}
        if is_after:
            reached.update(operator.outputs)
        names = [graph.tensors[i].name.decode() for i in operator.outputs]
        (after if is_after else before).extend(names)
    return before, after


def _costly_part(network, model, images):
    """Tensors of the part that gains most, of those that hardly enlarge the file."""
    # Of a few operations at least: one alone gains next to nothing.
    n_parts = max(1, min(N_PARTS, len(network.operations) // 4))
    all_int8 = network.converted()
    limit = MAX_GROWTH * len(all_int8)
    for part in _measured_parts(network, all_int8, model, images, n_parts):
        if part.size_bytes <= limit and part.error < part.error_all_int8:
            return part.tensors
    return ()


def _measured_parts(network, all_int8, model, images, n_parts, n_measured=N_MEASURED):
    measured = np.asarray(images[:n_measured], "float32")
    expected = np.asarray(model.predict(measured, verbose=0))

    def error(content):
        found = np.stack(list(map(LiteRTNetwork(content), measured)))
        return float(np.abs(found - expected).mean())

    error_all_int8 = error(all_int8)
    parts = []
    tried = _overlapping(network.operations, n_parts)
    for part in track(tried, "Parts left in float", transient=True):
        content = network.converted(part)
        parts.append(PartInFloat(part, error(content), error_all_int8, len(content)))
    return sorted(parts, key=lambda part: part.error)


def _overlapping(names, n_parts):
    length = -(-len(names) // n_parts)
    last = len(names) - length
    starts = sorted({*range(0, last, max(1, length // 2)), last})
    return [tuple(names[start : start + length]) for start in starts]
