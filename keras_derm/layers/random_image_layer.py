"""Base class of the random image layers."""

import keras
import tensorflow as tf

from keras_derm.layers.image_layer import ImageLayer


class RandomImageLayer(ImageLayer):
    """An image layer that draws numbers for every image, and acts in training alone.

    What is drawn and what is done with it are apart, as in the random layers of Keras,
    so that numbers can be drawn in one place and images changed in another. Subclasses
    implement `draw(n_images)`, which gives a tensor `(n_images, ...)`, or, where more
    than the number of images matters, `get_random_transformation`; and
    `transform_images(images, transformation, training)`.

    Args:
        seed: Integer for a repeatable sequence, or `None`.
        **kwargs: As of `ImageLayer`.

    Example:
        >>> class RandomNegative(RandomImageLayer):
        ...     def draw(self, n_images):
        ...         shape = (n_images, 1, 1, 1)
        ...         return keras.random.uniform(shape, seed=self.seed_generator)
        ...
        ...     def transform_images(self, images, transformation, training=True):
        ...         return tf.where(transformation < 0.5, images, 255.0 - images)
    """

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def transform(self, images, training):
        if not training:
            return images
        return self.transform_images(images, self.get_random_transformation(images))

    def get_random_transformation(self, images, training=True):
        """Draw for every image of a batch; see `draw`."""
        return self.draw(tf.shape(images)[0]) if training else None

    def draw(self, n_images):
        """Draw numbers for so many images: tensor `(n_images, ...)`."""
        raise NotImplementedError

    def transform_images(self, images, transformation, training=True):
        """Change float32 images as was drawn."""
        raise NotImplementedError
