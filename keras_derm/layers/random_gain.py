"""Random exposure and white balance of the camera, as a training augmentation."""

import keras
import tensorflow as tf

from keras_derm.layers.random_image_layer import RandomImageLayer


@keras.saving.register_keras_serializable(package="keras_derm")
class RandomGain(RandomImageLayer):
    """Multiply each image, and each of its channels, by a factor near 1.

    The logarithms of the factors are drawn from normal distributions: what two cameras,
    or two exposures of one, differ by.

    Args:
        exposure: Standard deviation of the logarithm of the factor of the whole image,
            at least 0.
        balance: The same of the factor of each channel.
        seed: Integer for a repeatable sequence, or `None`.

    Example:
        >>> images = RandomGain(0.12, 0.04, seed=0)(images, training=True)
    """

    def __init__(self, exposure=0.1, balance=0.03, seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        for name, value in (("exposure", exposure), ("balance", balance)):
            if value < 0:
                raise ValueError(f"`{name}` must not be negative. Received: {value}")
        self.exposure, self.balance = exposure, balance

    def draw(self, n_images):
        """Draw the factor of each channel of each image, `(n_images, 1, 1, 3)`."""
        drawn = keras.random.normal((n_images, 1, 1, 4), seed=self.seed_generator)
        logarithm = drawn[..., :1] * self.exposure + drawn[..., 1:] * self.balance
        return tf.exp(logarithm)

    def transform_images(self, images, transformation, training=True):
        if not training:
            return images
        return tf.clip_by_value(images * transformation, 0.0, 255.0)
