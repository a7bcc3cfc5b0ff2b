"""Backbones, heads, the averaging ensemble and their training."""

from keras_derm.classifiers.backbones import BACKBONES, build_classifier, freeze
from keras_derm.classifiers.ensemble import (
    build_ensemble,
    ensemble_members,
    ensemble_weights,
    is_symmetric,
    load_classifier,
)
from keras_derm.classifiers.ensemble_weights import fit_ensemble_weights
from keras_derm.classifiers.gradient_checkpointing import checkpoint_gradients
from keras_derm.classifiers.imbalance import (
    IMBALANCE,
    LogitAdjustedCrossentropy,
    class_weights,
    classification_loss,
    sample_weights,
    smoothed_targets,
)
from keras_derm.classifiers.input_scaling import InputScaling
from keras_derm.classifiers.precision import (
    fastest_precision,
    in_float32,
    measure_precisions,
)
from keras_derm.classifiers.prediction import predict_probabilities
from keras_derm.classifiers.training import train_classifier
from keras_derm.classifiers.workers import Workers

__all__ = [
    "BACKBONES",
    "IMBALANCE",
    "InputScaling",
    "LogitAdjustedCrossentropy",
    "Workers",
    "build_classifier",
    "build_ensemble",
    "checkpoint_gradients",
    "class_weights",
    "classification_loss",
    "ensemble_members",
    "ensemble_weights",
    "fastest_precision",
    "fit_ensemble_weights",
    "freeze",
    "in_float32",
    "is_symmetric",
    "load_classifier",
    "measure_precisions",
    "predict_probabilities",
    "sample_weights",
    "smoothed_targets",
    "train_classifier",
]
