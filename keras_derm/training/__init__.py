"""A fit that resumes: loop, callbacks, optimisation, precision, devices, workers."""

from keras_derm.training.devices import default_strategy, join_workers
from keras_derm.training.errors import UnreadableData, translate_tensorflow_errors
from keras_derm.training.loop import STATE_NAME, fit
from keras_derm.training.objective import Objective
from keras_derm.training.optimizers import build_optimizer
from keras_derm.training.precision import (
    computing_in,
    fastest_precision,
    in_float32,
    measure_precisions,
)
from keras_derm.training.validation_scores import predict
from keras_derm.training.workers import Workers

__all__ = [
    "STATE_NAME",
    "Objective",
    "UnreadableData",
    "Workers",
    "build_optimizer",
    "computing_in",
    "default_strategy",
    "fastest_precision",
    "fit",
    "in_float32",
    "join_workers",
    "measure_precisions",
    "predict",
    "translate_tensorflow_errors",
]
