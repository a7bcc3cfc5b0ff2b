"""Arguments that every explanation takes, checked in one way."""

import numpy as np


def check_images(images):
    """Return `images` as an array, or raise `ValueError` unless `(n, h, w, 3)`."""
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] != 3 or len(images) == 0:
        raise ValueError(
            "`images` must be a non-empty array (n, height, width, 3). "
            f"Received: shape {images.shape}"
        )
    return images


def check_class_indices(class_indices, n_images, n_classes):
    """Return one class an image, `(n_images,)`, from these or one int for all."""
    class_indices = np.asarray(class_indices)
    if class_indices.ndim == 0:
        class_indices = np.full(n_images, class_indices)
    whole = np.issubdtype(class_indices.dtype, np.integer)
    if not whole or class_indices.shape != (n_images,):
        raise ValueError(
            f"`class_indices` must be an int or {n_images} ints, one per image. "
            f"Received: {class_indices.dtype} array of shape {class_indices.shape}"
        )
    if class_indices.min() < 0 or class_indices.max() >= n_classes:
        raise ValueError(
            f"`class_indices` must lie in 0..{n_classes - 1}. "
            f"Received: {class_indices.min()}..{class_indices.max()}"
        )
    return class_indices


def check_same_shape(name, shape, expected):
    """Raise `ValueError` unless the argument `name` has the shape `expected`."""
    if tuple(shape) != tuple(expected):
        raise ValueError(
            f"`{name}` must have the shape {tuple(expected)}. Received: {tuple(shape)}"
        )
