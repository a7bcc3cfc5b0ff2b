"""Between pixels in [0, 255] and what the networks work on, [-1, 1]."""

import numpy as np
import tensorflow as tf


def from_pixels(images):
    """Images in [0, 255], uint8 or float, as a float32 tensor in [-1, 1]."""
    return tf.cast(images, tf.float32) / 127.5 - 1


def to_pixels(images):
    """Images in [-1, 1] as a uint8 array in [0, 255], rounded."""
    pixels = (np.asarray(images, dtype="float32") + 1) * 127.5
    return np.clip(np.rint(pixels), 0, 255).astype("uint8")
