"""Random darkening, as sn_gan_ensemble publishes it for other light."""

import keras
import tensorflow as tf

from keras_derm.layers.random_image_layer import RandomImageLayer


@keras.saving.register_keras_serializable(package="keras_derm")
class RandomDarkening(RandomImageLayer):
    """Multiply some images of each training batch by a factor.

    Every image is darkened on its own, with the given probability. Darkening dims
    the light, it does not add melanin: a darkened photograph of type II skin is not
    a photograph of type V skin.

    Args:
        probability: Share of images that are darkened, within [0, 1].
        factor: What their RGB values are multiplied by, within [0, 1].
        seed: Integer for a repeatable sequence, or `None`.

    Example:
        >>> darkened = RandomDarkening(0.25, seed=0)(images, training=True)
    """

    def __init__(self, probability=0.25, factor=0.5, seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        for name, value in (("probability", probability), ("factor", factor)):
            if not 0 <= value <= 1:
                raise ValueError(f"`{name}` must be within [0, 1]. Received: {value}")
        self.probability = probability
        self.factor = factor

    def draw(self, n_images):
        """Draw the factor of each image, `(n_images, 1, 1, 1)`."""
        drawn = keras.random.uniform((n_images, 1, 1, 1), seed=self.seed_generator)
        return tf.where(drawn < self.probability, self.factor, 1.0)

    def transform_images(self, images, transformation, training=True):
        return images * transformation if training else images
