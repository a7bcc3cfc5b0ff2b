"""A fit that resumes: loop, callbacks, optimisation, precision, devices, workers."""

from keras_derm.training.devices import default_strategy, join_workers
from keras_derm.training.errors import UnreadableData, translate_tensorflow_errors
from keras_derm.training.loop import STATE_NAME, fit
from keras_derm.training.objective import Objective
from keras_derm.training.optimizers import build_optimizer
from keras_derm.training.precision import (
    XLA,
    clearly_fastest,
    computing_in,
    in_float32,
    measure_precisions,
)
from keras_derm.training.validation_scores import predict
from keras_derm.training.workers import (
    StopWithChief,
    SynchronizeWorkers,
    Workers,
    average_gradients,
)

__all__ = [
    "STATE_NAME",
    "XLA",
    "Objective",
    "UnreadableData",
    "Workers",
    "build_optimizer",
    "clearly_fastest",
    "computing_in",
    "default_strategy",
    "fit",
    "in_float32",
    "StopWithChief",
    "SynchronizeWorkers",
    "average_gradients",
    "join_workers",
    "measure_precisions",
    "predict",
    "translate_tensorflow_errors",
]
