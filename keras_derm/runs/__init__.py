"""Run directories, and the machine they were made on."""

from keras_derm.runs.environment import describe_environment
from keras_derm.runs.run_directory import ARM, RunDirectory

__all__ = ["ARM", "RunDirectory", "describe_environment"]
