"""Quantised TFLite models: write them, run them, and measure what it cost.

Running a model (`QuantizedEnsemble`, `QuantizedModel`, `load_images`) needs NumPy,
ai_edge_litert and Pillow. What needs more is loaded when first used, so that inference
does without TensorFlow, Keras and pandas.
"""

import importlib

from keras_derm.export.images import load_images
from keras_derm.export.measure import agreement, latency_in_turns, size_bytes
from keras_derm.export.quantized_ensemble import MANIFEST, QuantizedEnsemble
from keras_derm.export.runtime import ModelFileError, QuantizedModel, sidecar_path

_LOADED_LATER = {
    "IO": "conversion",
    "METHODS": "quantization_aware_training",
    "MODES": "conversion",
    "ExportRefused": "gate",
    "FineTuning": "fine_tuning",
    "PartInFloat": "selective_quantization",
    "PhotographLimits": "photograph_limits",
    "TrainingImages": "fine_tuning",
    "check_gate": "gate",
    "export_ensemble": "ensemble",
    "export_tflite": "tflite",
    "peak_memory": "memory",
    "quantization_aware": "quantization_aware_training",
    "sensitive_layers": "selective_quantization",
}

__all__ = [
    "IO",
    "MANIFEST",
    "METHODS",
    "MODES",
    "ExportRefused",
    "FineTuning",
    "ModelFileError",
    "PartInFloat",
    "PhotographLimits",
    "QuantizedEnsemble",
    "QuantizedModel",
    "TrainingImages",
    "agreement",
    "check_gate",
    "export_ensemble",
    "export_tflite",
    "latency_in_turns",
    "load_images",
    "peak_memory",
    "quantization_aware",
    "sensitive_layers",
    "sidecar_path",
    "size_bytes",
]


def __getattr__(name):
    if name not in _LOADED_LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_LOADED_LATER[name]}")
    return getattr(module, name)
