"""Earlier made images, shown to a discriminator again."""

import keras
import tensorflow as tf

from keras_derm.generative.replicas import (
    all_replicas,
    replica_draw,
    replica_part,
)
from keras_derm.generative.stateless_random import split, uniform


@keras.saving.register_keras_serializable(package="keras_derm")
class ImagePool(keras.layers.Layer):
    """Shows a discriminator a history of made images instead of the latest alone.

    The first images fill the pool and are passed on. Afterwards each image is, with
    equal chance, passed on, or kept and exchanged for an image of the pool, which is
    passed on instead. The pool is saved with the model. On several devices there is
    one pool, the same everywhere, of the images of all.

    Args:
        size: Number of images kept, not less than the images of one step.

    Raises:
        ValueError: If `size` is less than 1.

    Example:
        >>> pool = ImagePool(size=50)
        >>> shown = pool(fakes, tf.constant([seed, step]))

    Reference:
        Shrivastava et al., "Learning from Simulated and Unsupervised Images through
        Adversarial Training", CVPR 2017.
    """

    def __init__(self, size=50, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        if size < 1:
            raise ValueError(f"`size` must be at least 1. Received: size={size}")
        self.size = size

    def build(self, input_shape):
        # Every replica computes the same pool, so any of them may write it.
        shared = {"trainable": False, "aggregation": "only_first_replica"}
        self.images = self.add_weight(
            name="images",
            shape=(self.size, *input_shape[1:]),
            dtype="float16",
            initializer="zeros",
            **shared,
        )
        self.n_kept = self.add_weight(
            name="n_kept", shape=(), dtype="int32", initializer="zeros", **shared
        )

    def call(self, images, seed):
        """Images for the discriminator, and a pool that has moved on.

        Args:
            images: Made images (batch, height, width, channels), float32.
            seed: int tensor (2,) that decides which are exchanged.

        Returns:
            float32 tensor of the same shape, without a gradient.
        """
        seeds = split(seed, 2)
        n_images = tf.shape(images)[0]
        exchanged = replica_draw(uniform, (n_images,), seeds[0])
        exchanged = all_replicas(exchanged) < 0.5
        made = tf.stop_gradient(all_replicas(images))
        if made.shape[0] is not None and made.shape[0] > self.size:
            raise ValueError(
                "a pool must be no smaller than the images of one step: take a smaller "
                f"batch. Received: size={self.size}, {made.shape[0]} images"
            )
        slots, fills = self._slots(tf.shape(made)[0], seeds[1])
        kept = tf.cast(tf.gather(self.images.value, slots), tf.float32)
        exchanged = tf.reshape(exchanged & ~fills, (-1, 1, 1, 1))
        fills = tf.reshape(fills, (-1, 1, 1, 1))
        shown = tf.where(exchanged, kept, made)
        kept = tf.cast(tf.where(exchanged | fills, made, kept), tf.float16)
        self.images.assign(
            tf.tensor_scatter_nd_update(self.images.value, slots[:, tf.newaxis], kept)
        )
        self.n_kept.assign(tf.minimum(self.n_kept + tf.shape(made)[0], self.size))
        return replica_part(shown, n_images)

    def _slots(self, n_images, seed):
        """A slot of its own for each image, and whether the slot is still empty."""
        places, n_kept = tf.range(self.size), tf.convert_to_tensor(self.n_kept)
        drawn = uniform((self.size,), seed)
        first_empty = tf.cast(places - self.size, tf.float32)
        order = tf.argsort(tf.where(places < n_kept, drawn, first_empty))
        return order[:n_images], tf.range(n_images) < self.size - n_kept

    def get_config(self):
        config = super().get_config()
        del config["dtype"]
        return config | {"size": self.size}
