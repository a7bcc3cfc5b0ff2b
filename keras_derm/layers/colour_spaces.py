"""Conversions between sRGB, linear light and CIELAB (D65), in TensorFlow ops."""

import tensorflow as tf

RGB_TO_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
D65 = (0.95047, 1.0, 1.08883)
_CODED_KNEE, _LINEAR_KNEE = 0.04045, 0.0031308
_LAB_KNEE, _LAB_SLOPE = 0.008856, 7.787


def positive_power(values, exponent):
    """Return `values ** exponent` for values above 0.

    TensorFlow's power takes five times as long on a CPU as a logarithm and an
    exponential do.
    """
    return tf.exp(exponent * tf.math.log(values))


def srgb_to_linear(images):
    """Return the light of sRGB values: [0, 255] to [0, 1], same shape."""
    low, high = _parted(images / 255.0, _CODED_KNEE)
    return low / 12.92 + positive_power((high + 0.055) / 1.055, 2.4)


def linear_to_srgb(light):
    """Return the sRGB values of light: [0, 1] to [0, 255], cut to that range."""
    low, high = _parted(tf.clip_by_value(light, 0.0, 1.0), _LINEAR_KNEE)
    coded = 12.92 * low + 1.055 * positive_power(high, 1 / 2.4) - 0.055
    return tf.clip_by_value(255.0 * coded, 0.0, 255.0)


def _parted(values, knee):
    """Return what values fall short of the knee, and themselves or the knee if less.

    A curve that is straight below its knee is then a sum of two terms, of which one
    is constant: faster than a choice, and with a finite gradient everywhere.
    """
    return tf.minimum(values - knee, 0.0), tf.maximum(values, knee)


def linear_to_lab(light):
    """Return CIELAB of light in [0, 1]: L* in [0, 100], a*, b*, (..., 3)."""
    matrix = tf.constant(RGB_TO_XYZ) / tf.constant(D65)[:, None]
    relative = tf.tensordot(light, tf.transpose(matrix), axes=1)
    low, high = _parted(relative, _LAB_KNEE)
    root = _LAB_SLOPE * low + positive_power(high, 1 / 3)
    x, y, z = tf.unstack(root, axis=-1)
    return tf.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def lab_to_linear(lab):
    """Return the light of CIELAB colours; outside [0, 1] where no screen shows it."""
    lightness, a, b = tf.unstack(lab, axis=-1)
    y = (lightness + 16) / 116
    root = tf.stack([y + a / 500, y, y - b / 200], axis=-1)
    low, high = _parted(root, _LAB_KNEE ** (1 / 3))
    relative = low / _LAB_SLOPE + high * high * high
    inverse = tf.linalg.inv(tf.constant(RGB_TO_XYZ) / tf.constant(D65)[:, None])
    return tf.tensordot(relative, tf.transpose(inverse), axes=1)


def rgb_to_lab(images):
    """Return CIELAB of sRGB images in [0, 255], (..., 3)."""
    return linear_to_lab(srgb_to_linear(images))


def lab_to_rgb(lab):
    """Return sRGB images in [0, 255] of CIELAB images, (..., 3)."""
    return linear_to_srgb(lab_to_linear(lab))
