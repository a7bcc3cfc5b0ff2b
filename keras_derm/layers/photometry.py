"""Chains of layers that change values and move nothing, by name."""

import keras

from keras_derm.layers.artefact_suppression import ArtefactSuppression
from keras_derm.layers.clahe import CLAHE
from keras_derm.layers.gamma_correction import GammaCorrection
from keras_derm.layers.hair_removal import HairRemoval
from keras_derm.layers.non_local_means import NonLocalMeans


def without_hair_and_rulers():
    """Paint over hair, found by its direction, and rulers."""
    return [HairRemoval(), ArtefactSuppression(["ruler"])]


def enhanced():
    """Denoise, brighten and equalise, then paint over hair and rulers."""
    return [
        NonLocalMeans(strength=3, patch_size=7, search_size=21),
        GammaCorrection(1 / 1.2),
        CLAHE(clip_limit=2.0, tile_grid_size=(8, 8)),
        *without_hair_and_rulers(),
    ]


def other_light(seeds, share):
    """Change brightness and contrast by up to a share, either way."""
    first, second = seeds
    return [
        keras.layers.RandomBrightness(share, seed=first, dtype="float32"),
        # One number would only ever raise the contrast.
        keras.layers.RandomContrast(
            (share, share), (0, 255), seed=second, dtype="float32"
        ),
    ]
