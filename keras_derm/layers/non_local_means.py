"""Denoising by the mean of similar neighbourhoods."""

import keras
import numpy as np
import tensorflow as tf

from keras_derm.layers.borders import reflected
from keras_derm.layers.image_layer import ImageLayer

_LEAST_WEIGHT = 1e-3


@keras.saving.register_keras_serializable(package="keras_derm")
class NonLocalMeans(ImageLayer):
    """Replace each pixel by the mean of pixels whose neighbourhoods look like its own.

    Every pixel q of the search window weighs exp(-d / (3 h^2)), where d is the
    squared RGB difference of the patches around the two pixels, summed over the
    channels and averaged over the patch; weights below 0.001 count as 0. That is
    `cv2.fastNlMeansDenoising` on a three-channel image, up to its rounding.

    Args:
        strength: h in levels of 255, above 0; more removes more noise and detail.
        patch_size: Side of the compared patches in pixels, odd.
        search_size: Side of the search window in pixels, odd.

    Example:
        >>> denoised = NonLocalMeans(strength=3.0)(images)

    Reference:
        Buades, Coll and Morel, A non-local algorithm for image denoising, CVPR 2005.
    """

    def __init__(self, strength=3.0, patch_size=7, search_size=21, **kwargs):
        super().__init__(**kwargs)
        if not strength > 0:
            raise ValueError(f"`strength` must be above 0. Received: {strength}")
        for name, size in (("patch_size", patch_size), ("search_size", search_size)):
            if size < 1 or size % 2 != 1:
                raise ValueError(f"`{name}` must be odd, 1 or more. Received: {size}")
        self.strength = float(strength)
        self.patch_size = int(patch_size)
        self.search_size = int(search_size)

    def transform(self, images, training):
        reach = self.search_size // 2
        start = (self.search_size + self.patch_size) // 2 - 1
        padded = images
        for axis in (1, 2):
            padded = reflected(padded, (start, start), axis)
        channels = tf.unstack(padded, axis=-1)
        half_plane = self._half_plane()
        offsets = tf.constant(half_plane)

        def window(picture, corner):
            return tf.slice(picture, tf.concat([[0], corner], 0), tf.shape(images)[:3])

        def add_pair(index, weights, *sums):
            offset = offsets[index]
            weight = self._likeness(channels, offset)
            # What p is to p + offset, p - offset is to p: one weight serves both.
            ahead = window(weight, [reach, reach])
            behind = window(weight, reach - offset)
            sums = [
                total
                + ahead * window(channel, start + offset)
                + behind * window(channel, start - offset)
                for total, channel in zip(sums, channels, strict=True)
            ]
            return index + 1, weights + ahead + behind, *sums

        itself = tf.unstack(images, axis=-1)
        _, weights, *sums = tf.while_loop(
            lambda index, *_: index < len(half_plane),
            add_pair,
            (tf.constant(0), tf.ones_like(itself[0]), *itself),
            parallel_iterations=1,
        )
        means = tf.stack([total / weights for total in sums], axis=-1)
        return tf.clip_by_value(means, 0.0, 255.0)  # weights sum to 1 up to rounding

    def _likeness(self, channels, offset):
        """Return the weight of p + offset for p, with p up to a reach outside.

        Where p + offset lies outside the padded image the value has no meaning, and
        is not asked for.
        """
        moved = [tf.roll(channel, -offset, (1, 2)) for channel in channels]
        difference = tf.add_n(list(map(tf.math.squared_difference, channels, moved)))
        for axis in (1, 2):
            difference = _sliding_sum(difference, self.patch_size, axis)
        scale = self.patch_size**2 * len(channels) * self.strength**2
        weight = tf.exp(-difference / scale)
        return tf.where(weight < _LEAST_WEIGHT, 0.0, weight)

    def _half_plane(self):
        """Return the offsets of one half of the search window, (n, 2), int32."""
        reach = self.search_size // 2
        every = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1).T
        return every[len(every) // 2 + 1 :].astype("int32").reshape(-1, 2)


def _sliding_sum(images, window, axis):
    """Return the sums over the windows inside (batch, height, width) images."""
    length = tf.shape(images)[axis] - window + 1

    def part(pixels, start, stop):
        return pixels[(slice(None),) * axis + (slice(start, stop),)]

    total, reached, run = 0.0, 0, images  # `run` holds the sums of 2^k pixels
    for bit in range(window.bit_length()):
        if bit:
            half = 2 ** (bit - 1)
            run = part(run, half, None) + part(run, None, -half)
        if window & 2**bit:
            total += part(run, reached, reached + length)
            reached += 2**bit
    return total
