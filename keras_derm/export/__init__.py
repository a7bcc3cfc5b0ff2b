"""Quantised TFLite models: write them, run them, and measure what it cost.

Running a model (`QuantizedModel`) needs NumPy and ai_edge_litert, no TensorFlow.
"""

from keras_derm.export.conversion import IO, MODES
from keras_derm.export.measure import agreement, latency, size_bytes
from keras_derm.export.mixed_precision import PartInFloat, sensitive_layers
from keras_derm.export.quantization_aware import METHODS, quantization_aware
from keras_derm.export.runtime import ModelFileError, QuantizedModel, sidecar_path
from keras_derm.export.tflite import export_tflite

__all__ = [
    "IO",
    "METHODS",
    "MODES",
    "ModelFileError",
    "PartInFloat",
    "QuantizedModel",
    "agreement",
    "export_tflite",
    "latency",
    "quantization_aware",
    "sensitive_layers",
    "sidecar_path",
    "size_bytes",
]
