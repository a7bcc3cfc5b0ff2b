"""Gaussian noise of a camera, as a training augmentation."""

import keras
import tensorflow as tf

from keras_derm.layers.random_image_layer import RandomImageLayer


@keras.saving.register_keras_serializable(package="keras_derm")
class RandomNoise(RandomImageLayer):
    """Add Gaussian noise to each image, of a strength that is drawn.

    In about half of the images one number is drawn for each pixel, so that its grey
    changes and its colour stays; in the others one for each of its channels.
    `keras.layers.GaussianNoise` has one strength for all, and one number a channel.

    Args:
        strength: Greatest standard deviation, as a share of the range of values,
            within [0, 1]; that of an image is drawn evenly up to it.
        seed: Integer for a repeatable sequence, or `None`.

    Example:
        >>> images = RandomNoise(0.05, seed=0)(images, training=True)
    """

    def __init__(self, strength=0.05, seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        if not 0 <= strength <= 1:
            raise ValueError(f"`strength` must be within [0, 1]. Received: {strength}")
        self.strength = strength

    def get_random_transformation(self, images, training=True):
        """Draw the noise of every pixel, in levels, of the shape of the images."""
        if not training:
            return None
        n = tf.shape(images)[0]
        draws = keras.random.uniform((n, 1, 1, 2), seed=self.seed_generator)
        noise = keras.random.normal(tf.shape(images), seed=self.seed_generator)
        noise = tf.where(draws[..., 1:] < 0.5, noise, noise[..., :1])
        return noise * draws[..., :1] * self.strength * 255.0

    def transform_images(self, images, transformation, training=True):
        if not training:
            return images
        return tf.clip_by_value(images + transformation, 0.0, 255.0)
