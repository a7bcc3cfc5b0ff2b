"""Chains of image layers by the name of the published system that uses them."""

import keras

from keras_derm.layers.hair_removal import HairRemoval, scaled_kernel_size
from keras_derm.layers.random_darkening import RandomDarkening


def _sn_gan_ensemble_preprocessing(image_size):
    return [
        keras.layers.Resizing(image_size, image_size, antialias=True, dtype="float32"),
        HairRemoval(kernel_size=scaled_kernel_size(image_size)),
    ]


def _sn_gan_ensemble_augmentation(seed):
    return [
        keras.layers.RandomFlip(seed=seed, dtype="float32"),
        RandomDarkening(seed=None if seed is None else seed + 1),
    ]


_PREPROCESSING = {"sn_gan_ensemble": _sn_gan_ensemble_preprocessing}
_AUGMENTATION = {"sn_gan_ensemble": _sn_gan_ensemble_augmentation}
PRESETS = tuple(_PREPROCESSING)


def preprocessing(name, image_size):
    """Return the deterministic chain of a published system.

    Args:
        name: One of `PRESETS`. `"sn_gan_ensemble"`: resize, then black-hat hair
            removal, whose 17-pixel kernel belongs to 224-pixel images and is scaled
            for others.
        image_size: Side of the square result in pixels.

    Returns:
        New layers in the order in which they are applied; RGB in [0, 255] in and
        out.
    """
    return _chosen(_PREPROCESSING, name)(image_size)


def augmentation(name, seed=None):
    """Return the random chain of a published system, which acts in training only.

    Args:
        name: One of `PRESETS`. `"sn_gan_ensemble"`: flips, then darkening with
            probability 0.25 and factor 0.5.
        seed: Integer for a repeatable sequence, or `None`.

    Returns:
        New layers in the order in which they are applied.
    """
    return _chosen(_AUGMENTATION, name)(seed)


def _chosen(table, name):
    if name not in table:
        raise ValueError(f"`name` must be one of {PRESETS}. Received: {name!r}")
    return table[name]
