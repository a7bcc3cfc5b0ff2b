"""Run directories: their stages, what these leave, and the machine they ran on."""

from keras_derm.runs.environment import describe_environment
from keras_derm.runs.layout import ARM_STAGE, LESION_STAGE, Layout
from keras_derm.runs.lock import RunLockedError
from keras_derm.runs.records import RecordError
from keras_derm.runs.run_directory import RunDirectory
from keras_derm.runs.stage import Stage

__all__ = [
    "ARM_STAGE",
    "LESION_STAGE",
    "Layout",
    "RecordError",
    "RunDirectory",
    "RunLockedError",
    "Stage",
    "describe_environment",
]
