"""Quantised TFLite models: write them, run them, and measure what it cost.

Running a model (`QuantizedEnsemble`, `QuantizedModel`, `load_images`) needs NumPy,
ai_edge_litert and Pillow. What needs more is loaded when first used, so that inference
does without TensorFlow, Keras and pandas.
"""

import importlib

from keras_derm.export.images import load_images
from keras_derm.export.measure import (
    ExportRefused,
    agreement,
    latency_in_turns,
    size_bytes,
)
from keras_derm.export.quantized_ensemble import MANIFEST, QuantizedEnsemble
from keras_derm.export.runtime import ModelFileError, QuantizedModel, sidecar_path

_LOADED_LATER = {
    "MODES": "conversion",
    "PhotographLimits": "photograph_limits",
    "TrainingImages": "fine_tuning",
    "check_gate": "gate",
    "check_packages": "quantization_aware_training",
    "export_ensemble": "ensemble",
    "export_tflite": "tflite",
    "latency_of_both": "cost",
    "member_rows": "cost",
    "peak_memory": "memory",
    "photograph_facts": "facts",
    "predict_quantised": "cost",
    "prediction_facts": "facts",
    "quantisation_scores": "cost",
    "quantization_aware": "quantization_aware_training",
    "refusal_message": "gate",
    "sensitive_layers": "selective_quantization",
    "spread_over_cells": "cost",
}

__all__ = [
    "MANIFEST",
    "ExportRefused",
    "ModelFileError",
    "QuantizedEnsemble",
    "QuantizedModel",
    "agreement",
    "latency_in_turns",
    "load_images",
    "sidecar_path",
    "size_bytes",
]
__all__ += list(_LOADED_LATER)


def __getattr__(name):
    if name not in _LOADED_LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_LOADED_LATER[name]}")
    return getattr(module, name)
