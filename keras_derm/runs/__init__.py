"""Run directories, the machine they were made on, seeds and devices."""

from keras_derm.runs.devices import default_strategy, join_workers, refuse_workers
from keras_derm.runs.environment import describe_environment
from keras_derm.runs.run_directory import ARM, RunDirectory

__all__ = [
    "ARM",
    "RunDirectory",
    "default_strategy",
    "describe_environment",
    "join_workers",
    "refuse_workers",
]
