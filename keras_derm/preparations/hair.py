"""Hairs found and painted over: what `keras_derm.layers.HairRemoval` does."""

import numpy as np

from keras_derm.preparations.fill import pyramid_fill
from keras_derm.preparations.morphology import (
    REFERENCE_SIZE,
    cross_black_hat,
    cross_dilation,
    length_scale,
    odd_size,
    opened_with_lines,
    square_black_hat,
    square_dilation,
)

GREY_WEIGHTS = (0.299, 0.587, 0.114)
PUBLISHED_THRESHOLD = 10

N_DIRECTIONS = 12
EDGE_SHARE = 0.6
"""Share of the least response that pixels beside a found hair must have."""

HAIRS = (
    # channel, dark?, greatest width and least length in pixels, least response
    ("red", True, 5, 15.0, 6),
    ("red", True, 9, 30.0, 20),
    ("blue", False, 5, 15.0, 10),
)


def scaled_kernel_size(image_size):
    """Odd kernel size that covers the same share of a smaller image.

    A hair keeps its share of the picture when the picture shrinks, so the kernel of
    17 pixels published for 224-pixel images becomes 17 * `image_size` / 224, taken
    to the nearest odd number and never below 3: 5 at 64, 9 at 128, 17 at 224.
    """
    if image_size < 1:
        raise ValueError(f"`image_size` must be 1 or more. Received: {image_size}")
    return odd_size(17 * image_size / REFERENCE_SIZE)


def without_hair(image):
    """An image without the hairs that are found by their direction.

    Args:
        image: (height, width, 3), RGB, float32 in [0, 255].

    Returns:
        float32 of the same shape.
    """
    mask = oriented_mask(image).astype("uint8")
    # The lens blurs a hair over its neighbours: they are no source of paint.
    return pyramid_fill(image, cross_dilation(mask, 3) > 0)


def without_hair_as_published(image):
    """An image without the hairs that the published procedure finds.

    Args:
        image: As for `without_hair`, a square.

    Returns:
        float32 of the same shape.
    """
    red, green, blue = (
        channel * np.float32(weight)
        for channel, weight in zip(np.moveaxis(image, -1, 0), GREY_WEIGHTS, strict=True)
    )
    grey = levels(red + green + blue)
    size = scaled_kernel_size(len(image))
    return pyramid_fill(image, cross_black_hat(grey, size) > PUBLISHED_THRESHOLD)


def oriented_mask(image):
    """Where hairs are: thin, long and straight for a while.

    Args:
        image: (height, width, 3), RGB, float32 in [0, 255].

    Returns:
        (height, width), bool.
    """
    channels = {"red": levels(image[..., 0]), "blue": levels(image[..., 2])}
    scale = length_scale(image)
    mask = np.zeros(image.shape[:2], bool)
    thin, masks_of_length = [], {}
    for bit, (channel, dark, width, length, least) in enumerate(HAIRS):
        picture = channels[channel] if dark else 255 - channels[channel]
        thin.append(square_black_hat(picture, odd_size(width * scale)))
        # The layer opens levels and compares then: what is above is the same.
        above = (thin[-1] > least).view("uint8") << bit
        masks_of_length[length] = masks_of_length.get(length, 0) | above
    opened = {
        length: opened_with_lines(masks, length * scale, N_DIRECTIONS)
        for length, masks in masks_of_length.items()
    }
    for bit, (_, _, _, length, least) in enumerate(HAIRS):
        hair = opened[length] >> bit & 1
        # A line ends before its hair does, and is thinner: take in what touches.
        mask |= (square_dilation(hair, 3) > 0) & (thin[bit] > int(EDGE_SHARE * least))
    return mask


def levels(picture):
    """A picture in whole levels, uint8."""
    return np.rint(np.clip(picture, 0, 255)).astype("uint8")
