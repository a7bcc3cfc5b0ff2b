"""Photographs prepared one by one, as `prepare` does those of a catalog."""

import functools

import numpy as np
import tensorflow as tf

from keras_derm.lesion_finders.crop import cropped
from keras_derm.photographs import read_image


class PhotographPreparation:
    """Reads and prepares a photograph; fit to be sent to another process.

    It computes in a graph, as `tf.data` does: TensorFlow resizes a little differently
    outside of one, so that some pixels in a hundred would be rounded to another level.
    The graph is made where it is first used.

    Args:
        preparation: `keras_derm.layers.Preparation`.
        as_float: Whether images come out as the layers give them, float32 in a batch
            of one, and not rounded.

    Example:
        >>> prepare_one = PhotographPreparation(preparation("keras_derm", 224))
        >>> image = prepare_one(("lesion.jpg", None, None))
    """

    def __init__(self, preparation, as_float=False):
        self.preparation, self.as_float = preparation, as_float

    def __getstate__(self):
        return {"preparation": self.preparation, "as_float": self.as_float}

    def __call__(self, photograph):
        """Prepare a photograph.

        Args:
            photograph: Tuple of its path, of the part of it that is taken (top, left,
                height, width, or None) and of the factor between geometry and
                photometry, or None.

        Returns:
            uint8 RGB array `(side, side, 3)`, or what `as_float` says.

        Raises:
            ImageError: The file cannot be read.
        """
        path, box, factor = photograph
        return self.prepared(cropped(read_image(path), box), factor)

    def prepared(self, image, factor=None):
        """Prepare an image, uint8 RGB `(height, width, 3)`."""
        if factor is None:
            return self._graph(image).numpy()
        return self._graph_with_factor(image, np.float32(factor)).numpy()

    @functools.cached_property
    def _graph(self):
        return tf.function(
            lambda image: self._finished(self.preparation(image[None])),
            input_signature=[tf.TensorSpec((None, None, 3), tf.uint8)],
        )

    @functools.cached_property
    def _graph_with_factor(self):
        def prepared(image, factor):
            squares = self.preparation.apply_geometry(image[None]) * factor
            return self._finished(self.preparation.apply_photometry(squares))

        kinds = [tf.TensorSpec((None, None, 3), tf.uint8), tf.TensorSpec((), "float32")]
        return tf.function(prepared, input_signature=kinds)

    def _finished(self, images):
        return images if self.as_float else to_uint8(images)[0]


def image_preparation(preparation):
    """Function that prepares one photograph as `prepare` does those of a catalog.

    Args:
        preparation: `keras_derm.layers.Preparation`.

    Returns:
        Function from a uint8 RGB array `(height, width, 3)` of any size to one of
        `preparation.image_size`.
    """
    return PhotographPreparation(preparation).prepared


def to_uint8(images):
    """Images rounded to whole grey levels, halves upwards."""
    images = tf.cast(images, tf.float32)
    # tf.round takes halves to the even number: of enlarged images, as synthetic ones
    # are, more pixels would be even, which gives their origin away.
    return tf.cast(tf.clip_by_value(tf.floor(images + 0.5), 0, 255), tf.uint8)
