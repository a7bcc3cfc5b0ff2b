"""Image layers: RGB photographs in [0, 255] in, RGB photographs out."""

from keras_derm.layers.accelerator import for_accelerator
from keras_derm.layers.artefact_suppression import ArtefactSuppression
from keras_derm.layers.chains import Augmentation, Preparation
from keras_derm.layers.clahe import CLAHE
from keras_derm.layers.colour_constancy import ColourConstancy
from keras_derm.layers.fourier_mix import FourierMix
from keras_derm.layers.gamma_correction import GammaCorrection
from keras_derm.layers.hair_removal import HairRemoval
from keras_derm.layers.imagenet_normalization import ImageNetNormalization
from keras_derm.layers.min_max_rescale import MinMaxRescale
from keras_derm.layers.non_local_means import NonLocalMeans
from keras_derm.layers.presets import (
    OFFLINE_COPIES,
    PRESETS,
    augmentation,
    offline_copies,
    preparation,
    resize,
    tone_augmentation,
)
from keras_derm.layers.random_colour_jitter import RandomColourJitter
from keras_derm.layers.random_darkening import RandomDarkening
from keras_derm.layers.random_gain import RandomGain
from keras_derm.layers.random_mirror import RandomMirror
from keras_derm.layers.random_noise import RandomNoise
from keras_derm.layers.random_resized_crop import RandomResizedCrop
from keras_derm.layers.square_pad import SquarePad
from keras_derm.layers.square_resize import SquareResize
from keras_derm.layers.tone_transfer import ToneTransfer
from keras_derm.preparations.hair import scaled_kernel_size

__all__ = [
    "CLAHE",
    "OFFLINE_COPIES",
    "PRESETS",
    "ArtefactSuppression",
    "Augmentation",
    "ColourConstancy",
    "FourierMix",
    "GammaCorrection",
    "HairRemoval",
    "ImageNetNormalization",
    "MinMaxRescale",
    "NonLocalMeans",
    "Preparation",
    "RandomColourJitter",
    "RandomDarkening",
    "RandomGain",
    "RandomMirror",
    "RandomNoise",
    "RandomResizedCrop",
    "SquarePad",
    "SquareResize",
    "ToneTransfer",
    "augmentation",
    "for_accelerator",
    "offline_copies",
    "preparation",
    "resize",
    "scaled_kernel_size",
    "tone_augmentation",
]
