"""Style of another image by its spectrum, as a training augmentation."""

import keras
import tensorflow as tf

from keras_derm.layers.random_image_layer import RandomImageLayer


@keras.saving.register_keras_serializable(package="keras_derm")
class FourierMix(RandomImageLayer):
    """Mix the amplitude of each image's spectrum with that of another of the batch.

    The phase, which holds edges and shapes, stays; light, colour and texture of the
    device, which the amplitude holds, become those of a camera in between.

    Args:
        strength: Greatest share of the other image's amplitude, within [0, 1]; that of
            each image is drawn evenly from 0 to it.
        seed: Integer for a repeatable sequence, or `None`.

    Example:
        >>> images = FourierMix(1.0, seed=0)(images, training=True)

    Reference:
        Xu et al., "A Fourier-based Framework for Domain Generalization" (CVPR 2021),
        eq. 5, the amplitude mix.
    """

    def __init__(self, strength=1.0, seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        if not 0 <= strength <= 1:
            raise ValueError(f"`strength` must be within [0, 1]. Received: {strength}")
        self.strength = strength

    def draw(self, n_images):
        """Draw of each image its place in an order of all, and the share: `(n, 2)`."""
        order = keras.random.uniform((n_images, 1), seed=self.seed_generator)
        share = keras.random.uniform((n_images, 1), seed=self.seed_generator)
        return tf.concat([order, share * self.strength], axis=1)

    def transform_images(self, images, transformation, training=True):
        if not training:
            return images
        other = tf.argsort(transformation[:, 0])
        share = transformation[:, 1, None, None, None]
        spectrum = tf.signal.fft2d(tf.cast(_channels_first(images), tf.complex64))
        amplitude = tf.abs(spectrum)
        mixed = (1 - share) * amplitude + share * tf.gather(amplitude, other)
        turned = tf.math.divide_no_nan(spectrum, tf.cast(amplitude, tf.complex64))
        found = tf.math.real(tf.signal.ifft2d(turned * tf.cast(mixed, tf.complex64)))
        return tf.clip_by_value(tf.transpose(found, (0, 2, 3, 1)), 0.0, 255.0)


def _channels_first(images):
    return tf.transpose(images, (0, 3, 1, 2))
