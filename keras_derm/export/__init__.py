"""Quantised TFLite models: write them, run them, and measure what it cost.

Running a model (`QuantizedModel`) needs NumPy and ai_edge_litert, no TensorFlow.
"""

from keras_derm.export.measure import agreement, latency, size_bytes
from keras_derm.export.runtime import ModelFileError, QuantizedModel, sidecar_path
from keras_derm.export.tflite import MODES, export_int8

__all__ = [
    "MODES",
    "ModelFileError",
    "QuantizedModel",
    "agreement",
    "export_int8",
    "latency",
    "sidecar_path",
    "size_bytes",
]
