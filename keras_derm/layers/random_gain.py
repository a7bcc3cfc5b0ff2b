"""Random exposure and white balance of the camera, as a training augmentation."""

import keras
import tensorflow as tf

from keras_derm.layers.image_layer import ImageLayer


@keras.saving.register_keras_serializable(package="keras_derm")
class RandomGain(ImageLayer):
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
        super().__init__(**kwargs)
        for name, value in (("exposure", exposure), ("balance", balance)):
            if value < 0:
                raise ValueError(f"`{name}` must not be negative. Received: {value}")
        self.exposure, self.balance, self.seed = exposure, balance, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def transform(self, images, training):
        if not training:
            return images
        n = tf.shape(images)[0]
        draws = keras.random.normal((n, 1, 1, 4), seed=self.seed_generator)
        logarithm = draws[..., :1] * self.exposure + draws[..., 1:] * self.balance
        return tf.clip_by_value(images * tf.exp(logarithm), 0.0, 255.0)
