"""Between pixels in [0, 255] and what the networks work on, [-1, 1]."""

import numpy as np
import tensorflow as tf


def from_pixels(images):
    """Images in [0, 255], uint8 or float, as a float32 tensor in [-1, 1]."""
    return tf.cast(images, tf.float32) / 127.5 - 1


def to_pixels(images):
    """Images in [-1, 1] as a uint8 array in [0, 255], rounded; NaN is black."""
    pixels = (np.asarray(images, dtype="float32") + 1) * 127.5
    pixels = np.nan_to_num(np.rint(pixels), nan=0.0, posinf=255.0, neginf=0.0)
    return np.clip(pixels, 0, 255).astype("uint8")
