"""A random part of each image in training, its middle afterwards."""

import math

import keras
import tensorflow as tf

from keras_derm.layers.image_layer import ImageLayer
from keras_derm.layers.square_resize import resized

ATTEMPTS = 10
"""Draws for a part that fits into the image, before all of it is taken."""


@keras.saving.register_keras_serializable(package="keras_derm")
class RandomResizedCrop(ImageLayer):
    """Cut a random part out of each training image, and the middle out of any other.

    In training, the part has a share of the image's area and a ratio of its sides that
    are drawn, and is resized to the square that is asked for, bilinear and antialiased.
    Otherwise the middle `size` pixels are taken as they are: the two views on which
    networks of ImageNet are trained and judged. As part of a network it keeps the two
    together, wherever the network is used. `keras.layers.RandomCrop` takes parts of
    one size alone, and the same one of every image of a batch.

    `get_random_transformation`, `transform_images` and `transform_segmentation_masks`
    are those of the random layers of Keras: masks are cut as their images are.

    Args:
        size: Side of the result in pixels. Of an image that is smaller all is taken,
            and enlarged.
        area: Least and greatest share of the area, within (0, 1].
        ratio: Least and greatest ratio of width to height, above 0; its logarithm is
            what is drawn evenly.
        seed: Integer for a repeatable sequence, or `None`.

    Example:
        >>> images = RandomResizedCrop(224, seed=0)(images, training=True)

    Reference:
        Szegedy et al., "Going deeper with convolutions", CVPR 2015, section 6.
    """

    def __init__(
        self, size, area=(0.08, 1.0), ratio=(3 / 4, 4 / 3), seed=None, **kwargs
    ):
        super().__init__(**kwargs)
        if size < 1:
            raise ValueError(f"`size` must be 1 or more. Received: {size}")
        if not 0 < area[0] <= area[1] <= 1:
            raise ValueError(f"`area` must rise within (0, 1]. Received: {area}")
        if not 0 < ratio[0] <= ratio[1]:
            raise ValueError(f"`ratio` must rise above 0. Received: {ratio}")
        self.size = int(size)
        self.area, self.ratio = tuple(area), tuple(ratio)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def transform(self, images, training):
        drawn = self.get_random_transformation(images, training)
        return self.transform_images(images, drawn, training)

    def get_random_transformation(self, images, training=True):
        """Draw the part of each image: top, left, height and width, `(n, 4)`."""
        if not training:
            return None
        n, height, width = tf.unstack(tf.shape(images)[:3])
        sides = tf.cast(tf.stack([height, width]), tf.float32)
        draws = keras.random.uniform((n, 4, ATTEMPTS), seed=self.seed_generator)
        least, greatest = self.area
        area = (least + (greatest - least) * draws[:, 0]) * sides[0] * sides[1]
        least, greatest = map(math.log, self.ratio)
        ratio = tf.exp(least + (greatest - least) * draws[:, 1])
        parts = tf.round(tf.sqrt(tf.stack([area / ratio, area * ratio], axis=-1)))
        fits = tf.reduce_all((parts >= 1) & (parts <= sides), axis=-1)
        first = tf.argmax(tf.cast(fits, tf.int32), axis=1)
        part = tf.gather(parts, first, axis=1, batch_dims=1)
        part = tf.where(tf.reduce_any(fits, axis=1)[:, None], part, sides)
        corner = tf.floor(draws[:, 2:, 0] * (sides - part + 1))
        return tf.concat([corner, part], axis=1)

    def transform_images(self, images, transformation, training=True):
        """Cut images `(n, height, width, channels)` as was drawn."""
        if not training:
            return self._middle(images)
        images = tf.cast(images, tf.float32)
        corner, part = transformation[:, :2], transformation[:, 2:]
        height, width = tf.unstack(tf.shape(images)[1:3])
        # Products of matrices, which unlike tf.image's resizing XLA has too.
        rows = _weights(corner[:, 0], part[:, 0], height, self.size)
        columns = _weights(corner[:, 1], part[:, 1], width, self.size)
        cut = tf.einsum("nih,nhwc->niwc", rows, images)
        return tf.einsum("njw,niwc->nijc", columns, cut)

    def transform_segmentation_masks(self, masks, transformation, training=True):
        """Cut masks `(n, height, width, 1)`, 0 or 1, as their images."""
        cut = self.transform_images(masks, transformation, training)
        return tf.cast(cut > 0.5, tf.float32)

    def _middle(self, images):
        lengths = [_length(images, axis) for axis in (1, 2)]
        cut = images
        for axis, length in zip((1, 2), lengths, strict=True):
            first = (length - _smaller(length, self.size)) // 2
            part = [slice(None)] * axis + [slice(first, first + self.size)]
            cut = cut[tuple(part)]
        if cut.shape[1:3] == (self.size, self.size):
            return cut
        cut = resized(cut, (self.size, self.size))
        return tf.ensure_shape(cut, (None, self.size, self.size, images.shape[-1]))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.size, self.size, input_shape[3])


def _length(images, axis):
    known = images.shape[axis]
    return tf.shape(images)[axis] if known is None else known


def _smaller(length, size):
    return tf.minimum(length, size) if tf.is_tensor(length) else min(length, size)


def _weights(first, part, length, size):
    """What each pixel of one side weighs in each of the result, `(n, size, length)`.

    Args:
        first, part: Where the part begins and how long it is, in pixels, `(n,)`.
        length: Pixels of the side.
        size: Pixels of the result.
    """
    step = part[:, None] / size
    centre = first[:, None] + (tf.range(size, dtype=tf.float32) + 0.5) * step - 0.5
    pixel = tf.range(tf.cast(length, tf.float32))
    distance = tf.abs(pixel - centre[..., None]) / tf.maximum(step, 1.0)[..., None]
    within = (pixel >= first[:, None]) & (pixel < (first + part)[:, None])
    weights = tf.where(within[:, None], tf.maximum(1 - distance, 0.0), 0.0)
    return weights / tf.reduce_sum(weights, axis=-1, keepdims=True)
