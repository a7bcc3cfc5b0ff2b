"""Chains of layers that move pixels, by name; masks follow them."""

import keras

from keras_derm.layers.random_mirror import RandomMirror
from keras_derm.layers.square_pad import SquarePad
from keras_derm.layers.square_resize import SquareResize


def stretched(image_size):
    """Resize to a square, whatever the shape of the photograph."""
    return [SquareResize(image_size)]


def padded(image_size, fill="reflect"):
    """Resize to fit into a square, and pad the shorter side."""
    return [SquarePad(image_size, fill)]


def mirrored(seed):
    """Mirror in both directions at random."""
    return [RandomMirror(seed)]


def turned(seed, share, fill="reflect"):
    """Turn either way by up to a share of a full circle."""
    return [keras.layers.RandomRotation(share, fill, seed=seed, dtype="float32")]


def zoomed(seed, share):
    """Shrink or enlarge each side by up to a share of it."""
    sides = (-share, share)
    return [
        keras.layers.RandomZoom(
            sides, sides, fill_mode="reflect", seed=seed, dtype="float32"
        )
    ]
