"""Settings of every stage, free of TensorFlow."""

from keras_derm.settings.generators import (
    GENERATOR_SETTINGS,
    ConditionalWGANGPSettings,
    CycleGANSettings,
    SNGANSettings,
)

__all__ = [
    "GENERATOR_SETTINGS",
    "ConditionalWGANGPSettings",
    "CycleGANSettings",
    "SNGANSettings",
]
