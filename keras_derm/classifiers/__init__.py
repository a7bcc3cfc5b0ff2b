"""Backbones, heads, the averaging ensemble and their training."""

from keras_derm.classifiers.backbones import BACKBONES, build_classifier, freeze
from keras_derm.classifiers.ensemble import (
    build_ensemble,
    ensemble_members,
    load_classifier,
)
from keras_derm.classifiers.input_scaling import InputScaling
from keras_derm.classifiers.training import (
    class_weights,
    predict_probabilities,
    train_classifier,
)

__all__ = [
    "BACKBONES",
    "InputScaling",
    "build_classifier",
    "build_ensemble",
    "class_weights",
    "ensemble_members",
    "freeze",
    "load_classifier",
    "predict_probabilities",
    "train_classifier",
]
