"""What photographs go through before a network, one by one and without TensorFlow."""

from keras_derm.preparations.presets import photograph_preparation

__all__ = ["photograph_preparation"]
