"""Image layers: RGB photographs in [0, 255] in, RGB photographs out."""

from keras_derm.layers.hair_removal import HairRemoval, scaled_kernel_size
from keras_derm.layers.presets import PRESETS, augmentation, preprocessing
from keras_derm.layers.random_darkening import RandomDarkening
from keras_derm.layers.square_pad import SquarePad

__all__ = [
    "PRESETS",
    "HairRemoval",
    "RandomDarkening",
    "SquarePad",
    "augmentation",
    "preprocessing",
    "scaled_kernel_size",
]
