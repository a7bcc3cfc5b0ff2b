"""Augmentation of real and made images alike, with gradients through it."""

import tensorflow as tf

from keras_derm.generative.replicas import replica_draw
from keras_derm.generative.stateless_random import integers, split, uniform

MAX_BRIGHTNESS = 0.2
MAX_SATURATION = 0.3
MAX_CONTRAST = 0.3
MAX_SHIFT = 0.125


def augment(images, seed):
    """Random flips, translation and colour, differentiable in the images.

    The discriminator sees real and made images only so, which keeps it from learning
    small training sets by heart without teaching the generator the augmentation.
    The colour ranges are narrower than the paper's, as skin tone is a condition.

    Args:
        images: float tensor (batch, side, side, 3) in [-1, 1].
        seed: int tensor (2,); the same seed gives the same augmentation.

    Returns:
        Tensor of the same shape; places shifted in are 0 (mid-grey), and colours may
        leave [-1, 1] a little.

    Reference:
        Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training",
        NeurIPS 2020.
    """
    seeds = split(seed, 5)
    return _flip_and_shift(_augment_colour(images, seeds[:3]), seeds[3:])


def _flip_and_shift(images, seeds):
    for seed in seeds:  # of rows, then of columns
        images = _along_rows(_selection(images, seed), images)
    return images


def _augment_colour(images, seeds):
    shape = (tf.shape(images)[0], 1, 1, 1)
    brightness, saturation, contrast = (
        replica_draw(uniform, shape, seed, -limit, limit)
        for seed, limit in zip(
            seeds, (MAX_BRIGHTNESS, MAX_SATURATION, MAX_CONTRAST), strict=True
        )
    )
    # Saturation about each pixel's grey, then contrast about the image's mean, which
    # saturation leaves as it is: one sum, as every pass over the images takes time.
    grey = tf.reduce_mean(images, axis=-1, keepdims=True)
    mean = tf.reduce_mean(grey, axis=(1, 2), keepdims=True)
    own = (1 + saturation) * (1 + contrast)
    return own * images + ((1 + contrast - own) * grey + (brightness - contrast * mean))


def _along_rows(matrices, images):
    """Product of each matrix with its image's rows, with rows and columns exchanged.

    Twice makes the rows rows again. `tf.einsum` does the same in twice the time.
    """
    shape = tf.shape(images)
    rows = tf.reshape(images, (shape[0], shape[1], -1))
    images = tf.reshape(tf.matmul(matrices, rows), shape)
    return tf.transpose(images, (0, 2, 1, 3))


def _selection(images, seed):
    """One matrix an image that flips and shifts an axis: (batch, side, side).

    A matrix product has a fast gradient, and flips and shifts in one pass.
    """
    batch, side = tf.shape(images)[0], images.shape[1]
    limit = round(side * MAX_SHIFT)
    flip_seed, shift_seed = split(seed, 2)
    draw = replica_draw(integers, (batch, 1), flip_seed, 0, 2)
    shift = replica_draw(integers, (batch, 1), shift_seed, -limit, limit + 1)
    places = tf.range(side)[tf.newaxis]
    sources = tf.where(draw == 1, side - 1 - places, places) + shift
    return tf.one_hot(sources, side, dtype=images.dtype)
