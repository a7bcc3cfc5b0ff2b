"""Where the lesion probably is, by Otsu's threshold, in TensorFlow ops."""

import tensorflow as tf

from keras_derm.layers.pyramid_fill import masked_mean

_N_BINS = 64
_LEAST_CONTRAST = 6.0
_AREA = (0.005, 0.7)


def lesion_guess(lightness):
    """Return the darker class of Otsu's threshold on smoothed L*.

    For layers that run inside a network and only need to know where skin is. Plainer
    than `keras_derm.skin_tone.masks.automatic_lesion_mask`, which also closes hairs,
    takes one whole area and looks at colour.

    Args:
        lightness: (batch, height, width), float32, L* in [0, 100]; pixels below 15
            (dark corners) are left out.

    Returns:
        (batch, height, width), bool; false everywhere in images where no lesion
        stands out (under 6 in mean L*, or under 0.5 % or over 70 % of the picture).
    """
    usable = lightness > 15
    weight = tf.cast(usable, tf.float32)
    smooth = tf.math.divide_no_nan(_box_mean(lightness * weight), _box_mean(weight))
    bins = tf.cast(tf.clip_by_value(smooth / 100, 0, 1) * (_N_BINS - 1), tf.int32)
    in_bin = tf.one_hot(bins, _N_BINS) * weight[..., None]
    counts = tf.reduce_sum(in_bin, axis=(1, 2))
    threshold = _otsu(counts)
    lesion = (bins <= threshold[:, None, None]) & usable
    skin = usable & ~lesion
    area = tf.cast(lesion, tf.float32)
    contrast = masked_mean(smooth, tf.cast(skin, tf.float32))
    contrast -= masked_mean(smooth, area)
    share = tf.reduce_mean(area, axis=(1, 2), keepdims=True)
    found = (contrast >= _LEAST_CONTRAST) & (share >= _AREA[0]) & (share <= _AREA[1])
    return lesion & found


def _box_mean(values):
    return tf.nn.avg_pool2d(values[..., None], 3, 1, "SAME")[..., 0]


def _otsu(counts):
    """Return the bin up to which the darker class reaches, (batch,)."""
    level = tf.range(_N_BINS, dtype=tf.float32)
    below = tf.cumsum(counts, axis=-1)
    moment = tf.cumsum(counts * level, axis=-1)
    above = below[:, -1:] - below
    mean_below = tf.math.divide_no_nan(moment, below)
    mean_above = tf.math.divide_no_nan(moment[:, -1:] - moment, above)
    between = below * above * (mean_above - mean_below) ** 2
    return tf.argmax(between, axis=-1, output_type=tf.int32)
