"""Conversions between sRGB, linear light and CIELAB (D65), in TensorFlow ops."""

import tensorflow as tf

RGB_TO_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
D65 = (0.95047, 1.0, 1.08883)
_EPSILON = 0.008856
_KAPPA = 7.787


def srgb_to_linear(images):
    """Return the light of sRGB values: [0, 255] to [0, 1], same shape."""
    coded = images / 255.0
    # Both branches get values at which their gradient is finite.
    curve = ((tf.maximum(coded, 0.04045) + 0.055) / 1.055) ** 2.4
    return tf.where(coded <= 0.04045, coded / 12.92, curve)


def linear_to_srgb(light):
    """Return the sRGB values of light: [0, 1] to [0, 255], cut to that range."""
    light = tf.clip_by_value(light, 0.0, 1.0)
    curve = 1.055 * tf.maximum(light, 0.0031308) ** (1 / 2.4) - 0.055
    return 255.0 * tf.where(light <= 0.0031308, 12.92 * light, curve)


def linear_to_lab(light):
    """Return CIELAB of light in [0, 1]: L* in [0, 100], a*, b*, (..., 3)."""
    matrix = tf.constant(RGB_TO_XYZ) / tf.constant(D65)[:, None]
    relative = tf.tensordot(light, tf.transpose(matrix), axes=1)
    root = tf.maximum(relative, _EPSILON) ** (1 / 3)
    root = tf.where(relative > _EPSILON, root, _KAPPA * relative + 16 / 116)
    x, y, z = tf.unstack(root, axis=-1)
    return tf.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def lab_to_linear(lab):
    """Return the light of CIELAB colours; outside [0, 1] where no screen shows it."""
    lightness, a, b = tf.unstack(lab, axis=-1)
    y = (lightness + 16) / 116
    root = tf.stack([y + a / 500, y, y - b / 200], axis=-1)
    relative = tf.where(root**3 > _EPSILON, root**3, (root - 16 / 116) / _KAPPA)
    inverse = tf.linalg.inv(tf.constant(RGB_TO_XYZ) / tf.constant(D65)[:, None])
    return tf.tensordot(relative, tf.transpose(inverse), axes=1)


def rgb_to_lab(images):
    """Return CIELAB of sRGB images in [0, 255], (..., 3)."""
    return linear_to_lab(srgb_to_linear(images))


def lab_to_rgb(lab):
    """Return sRGB images in [0, 255] of CIELAB images, (..., 3)."""
    return linear_to_srgb(lab_to_linear(lab))
