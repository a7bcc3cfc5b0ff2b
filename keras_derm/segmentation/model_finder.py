"""A trained segmenter as a finder of lesions."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from keras_derm.lesion_finders import LesionFinder
from keras_derm.lesion_finders.outline import outline_of, squared


@dataclass(frozen=True)
class ModelFinder(LesionFinder):
    """A segmenter in Keras, one photograph at a time.

    Args:
        model: `keras.Model` as `train_segmenter` gives it.
        square: Function of a photograph to what the model is shown of it, RGB
            (side, side, 3). By default it is stretched, and nothing else.

    Example:
        >>> ModelFinder("unet", model).find(image).share
        0.23
    """

    model: keras.Model | None = None
    square: Callable | None = None

    def find(self, image):
        side = self.model.input_shape[1]
        square = self.square(image) if self.square else squared(image, side)
        probability = self._graph(square[np.newaxis].astype("float32"))
        return outline_of(np.asarray(probability)[0, ..., 0], image.shape[:2])

    @functools.cached_property
    def _graph(self):
        """The model as a graph: eager, the first layers cost more than the sums."""
        return tf.function(
            lambda image: self.model(image, training=False), reduce_retracing=True
        )
