"""Contrast-limited adaptive histogram equalisation of lightness."""

import keras
import tensorflow as tf

from keras_derm.layers.borders import reflected
from keras_derm.layers.colour_spaces import lab_to_rgb, rgb_to_lab
from keras_derm.layers.image_layer import ImageLayer

N_LEVELS = 256


@keras.saving.register_keras_serializable(package="keras_derm")
class CLAHE(ImageLayer):
    """Equalise the histogram of L* tile by tile, with limited contrast.

    OpenCV's algorithm (`cv2.createCLAHE`) on L* in 256 levels; a* and b* stay, so
    hues do not move. `keras.layers.ContrastLimitedAdaptiveHistogramEqualization`
    equalises red, green and blue each on its own, which turns skin grey-green, and
    scales and clips otherwise than OpenCV. Gradients flow through a* and b* alone:
    a histogram has none.

    Args:
        clip_limit: Slope to which the equalising curve is limited, above 0.
        tile_grid_size: Number of tiles down and across.

    Example:
        >>> equalised = CLAHE(clip_limit=2.0)(images)

    Reference:
        Zuiderveld, Contrast limited adaptive histogram equalization, Graphics Gems
        IV, 1994.
    """

    def __init__(self, clip_limit=2.0, tile_grid_size=(8, 8), **kwargs):
        super().__init__(**kwargs)
        if not clip_limit > 0:
            raise ValueError(f"`clip_limit` must be above 0. Received: {clip_limit}")
        if len(tile_grid_size) != 2 or min(tile_grid_size) < 1:
            raise ValueError(
                "`tile_grid_size` must be two numbers of 1 or more. "
                f"Received: {tile_grid_size}"
            )
        self.clip_limit = float(clip_limit)
        self.tile_grid_size = tuple(map(int, tile_grid_size))

    def transform(self, images, training):
        lab = rgb_to_lab(images)
        levels = tf.cast(
            tf.round(tf.clip_by_value(lab[..., 0], 0, 100) * 2.55), "int32"
        )
        lightness = self.equalize(levels) / 2.55
        return lab_to_rgb(tf.concat([lightness[..., None], lab[..., 1:]], axis=-1))

    def equalize(self, levels):
        """Return the equalised levels of single-channel images.

        Args:
            levels: (batch, height, width), int32 in [0, 255].

        Returns:
            float32 of whole numbers in [0, 255], the same shape.
        """
        rows, columns = self.tile_grid_size
        height, width = tf.shape(levels)[1], tf.shape(levels)[2]
        # As OpenCV: if one side needs padding, both are padded.
        whole = (height % rows == 0) & (width % columns == 0)
        padded_height = tf.where(whole, height, height + rows - height % rows)
        padded_width = tf.where(whole, width, width + columns - width % columns)
        padded = reflected(levels, (0, padded_height - height), axis=1)
        padded = reflected(padded, (0, padded_width - width), axis=2)
        tile = padded_height // rows, padded_width // columns
        curves = self._curves(self._histograms(padded, tile), tile[0] * tile[1])
        return self._blend(curves, levels, tile)

    def _histograms(self, levels, tile):
        """Return counts of each level, (batch, rows, columns, 256)."""
        rows, columns = self.tile_grid_size
        tiles = tf.reshape(levels, (-1, rows, tile[0], columns, tile[1]))
        # In float: oneDNN says aloud that it does not transpose whole numbers.
        tiles = tf.transpose(tf.cast(tiles, "float32"), (0, 1, 3, 2, 4))
        tiles = tf.reshape(tf.cast(tiles, levels.dtype), (-1, tile[0] * tile[1]))
        n_tiles = tf.shape(tiles)[0]
        bins = tiles + N_LEVELS * tf.range(n_tiles)[:, None]
        counts = tf.math.unsorted_segment_sum(
            tf.ones_like(bins), bins, N_LEVELS * n_tiles
        )
        return tf.reshape(counts, (-1, rows, columns, N_LEVELS))

    def _curves(self, counts, n_pixels):
        """Return the curve of each tile: the sum of its clipped histogram."""
        limit = tf.cast(
            self.clip_limit * tf.cast(n_pixels, "float32") / N_LEVELS, "int32"
        )
        clipped = tf.minimum(counts, tf.maximum(limit, 1))
        excess = tf.reduce_sum(counts - clipped, axis=-1, keepdims=True)
        share, rest = excess // N_LEVELS, excess % N_LEVELS
        step = tf.maximum(N_LEVELS // tf.maximum(rest, 1), 1)
        level = tf.range(N_LEVELS)
        extra = (level % step == 0) & (level // step < rest)
        total = tf.cumsum(clipped + share + tf.cast(extra, "int32"), axis=-1)
        scale = (N_LEVELS - 1) / tf.cast(n_pixels, "float32")
        return tf.round(tf.minimum(tf.cast(total, "float32") * scale, N_LEVELS - 1.0))

    def _blend(self, curves, levels, tile):
        """Return each pixel's level on the curves of the four nearest tiles."""
        (top, bottom, down), (left, right, across) = (
            _neighbours(
                tf.shape(levels)[axis + 1], tile[axis], self.tile_grid_size[axis]
            )
            for axis in (0, 1)
        )
        rows, columns = self.tile_grid_size
        image = tf.range(tf.shape(levels)[0])[:, None, None] * (rows * columns)
        flat = tf.reshape(curves, (-1,))

        def value(row, column):
            index = image + row[:, None] * columns + column
            return tf.gather(flat, index * N_LEVELS + levels)

        down, across = down[:, None], across[None, :]
        upper = value(top, left) * (1 - across) + value(top, right) * across
        lower = value(bottom, left) * (1 - across) + value(bottom, right) * across
        return tf.round(upper * (1 - down) + lower * down)


def _neighbours(length, tile, n_tiles):
    """Return each pixel's tiles before and after it, and the weight of the latter."""
    position = tf.cast(tf.range(length), "float32") / tf.cast(tile, "float32") - 0.5
    before = tf.floor(position)
    weight = position - before
    before = tf.cast(before, "int32")
    after = tf.minimum(before + 1, n_tiles - 1)
    return tf.maximum(before, 0), after, weight
