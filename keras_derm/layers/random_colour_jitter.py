"""Random brightness, contrast, saturation and hue, as a training augmentation."""

import keras
import tensorflow as tf

from keras_derm.layers.random_image_layer import RandomImageLayer

GREY = (0.299, 0.587, 0.114)
"""Of red, green and blue: luma of ITU-R BT.601, which Pillow and OpenCV have too."""


@keras.saving.register_keras_serializable(package="keras_derm")
class RandomColourJitter(RandomImageLayer):
    """Change brightness, contrast, saturation and hue of each image, in this order.

    Brightness is multiplied; contrast mixes the image with its mean grey, saturation
    with its own grey picture; the hue turns round the colour circle. What is called
    "colour jitter of 0.2" in publications means this, as torchvision and Pillow do
    it. The layers of Keras differ: `RandomBrightness` adds a part of the range,
    `RandomSaturation` multiplies the S of HSV and, for images in [0, 255], lets values
    become negative, and `RandomHue` turns by half of what it is told.

    Args:
        brightness: The factor is drawn from [1 - brightness, 1 + brightness], within
            [0, 1].
        contrast: The same of contrast.
        saturation: The same of saturation.
        hue: The turn is drawn from [-hue, hue], in parts of a whole one, within
            [0, 0.5].
        seed: Integer for a repeatable sequence, or `None`.

    Example:
        >>> jitter = RandomColourJitter(0.2, 0.2, 0.2, 0.1, seed=0)
        >>> images = jitter(images, training=True)
    """

    def __init__(
        self,
        brightness=0.0,
        contrast=0.0,
        saturation=0.0,
        hue=0.0,
        seed=None,
        **kwargs,
    ):
        super().__init__(seed, **kwargs)
        for name, value, most in (
            ("brightness", brightness, 1),
            ("contrast", contrast, 1),
            ("saturation", saturation, 1),
            ("hue", hue, 0.5),
        ):
            if not 0 <= value <= most:
                raise ValueError(
                    f"`{name}` must be within [0, {most}]. Received: {value}"
                )
        self.brightness, self.contrast = brightness, contrast
        self.saturation, self.hue = saturation, hue

    def draw(self, n_images):
        """Draw how far each goes, in parts of the furthest: `(n, 1, 1, 4)`."""
        shape = (n_images, 1, 1, 4)
        return keras.random.uniform(shape, -1.0, 1.0, seed=self.seed_generator)

    def transform_images(self, images, transformation, training=True):
        if not training:
            return images
        light, contrast, saturation, turn = tf.split(transformation, 4, axis=-1)
        images = _clipped(images * (1 + self.brightness * light))
        mean = tf.reduce_mean(_grey(images), axis=(1, 2, 3), keepdims=True)
        images = _mixed(images, mean, 1 + self.contrast * contrast)
        images = _mixed(images, _grey(images), 1 + self.saturation * saturation)
        return _turned(images, self.hue * turn) if self.hue else images


def _grey(images):
    return tf.tensordot(images, tf.constant(GREY), axes=1)[..., None]


def _mixed(images, others, share):
    return _clipped(share * images + (1 - share) * others)


def _clipped(images):
    return tf.clip_by_value(images, 0.0, 255.0)


def _turned(images, turn):
    hue, saturation, value = tf.split(tf.image.rgb_to_hsv(images), 3, axis=-1)
    hue = tf.math.floormod(hue + turn, 1.0)
    return _clipped(tf.image.hsv_to_rgb(tf.concat([hue, saturation, value], axis=-1)))
