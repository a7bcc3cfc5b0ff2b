"""Base class of the deterministic and random image layers."""

import inspect

import keras
import tensorflow as tf


class ImageLayer(keras.layers.Layer):
    """A layer that takes RGB photographs and gives RGB photographs.

    Subclasses implement `transform(images, training)` on float32 images. The layer
    always computes in float32, whatever the global dtype policy, because eight
    bits of colour do not fit into bfloat16. What a layer is made with is kept under the
    name of the argument, and so saved.

    Args:
        **kwargs: `name` and other arguments of `keras.layers.Layer`.

    Attributes:
        sets_range: Whether every image comes out with the same range of values.

    Example:
        >>> class Negative(ImageLayer):
        ...     def transform(self, images, training):
        ...         return 255.0 - images
    """

    sets_range = False

    def __init__(self, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)

    def build(self, input_shape):
        if len(input_shape) != 4 or input_shape[-1] != 3:
            raise ValueError(
                f"{type(self).__name__} takes RGB images batch first, "
                f"(batch, height, width, 3). Received: shape {tuple(input_shape)}"
            )
        self.built = True

    def call(self, images, training=False):
        """Return the transformed images.

        Args:
            images: (batch, height, width, 3), RGB in [0, 255], float or uint8.
            training: Whether random layers act.

        Returns:
            Images of the same scale, float32.
        """
        return self.transform(tf.cast(images, tf.float32), training)

    def transform(self, images, training):
        """Return the transformed float32 images."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        names = inspect.getfullargspec(type(self).__init__).args[1:]
        return super().get_config() | {name: getattr(self, name) for name in names}
