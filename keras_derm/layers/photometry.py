"""Chains of layers that change values and move nothing, by name."""

import keras

from keras_derm.layers.artefact_suppression import ArtefactSuppression
from keras_derm.layers.clahe import CLAHE
from keras_derm.layers.gamma_correction import GammaCorrection
from keras_derm.layers.hair_removal import HairRemoval
from keras_derm.layers.morphology import REFERENCE_SIZE, odd_size
from keras_derm.layers.non_local_means import NonLocalMeans
from keras_derm.layers.random_colour_jitter import RandomColourJitter
from keras_derm.layers.random_gain import RandomGain

CLIP_LIMIT = 2.0
LEAST_TILE = 16
"""Side in pixels of a tile that has as many pixels as there are levels."""


def without_hair_and_rulers():
    """Paint over hair, found by its direction, and rulers."""
    return [HairRemoval(), ArtefactSuppression(["ruler"])]


def enhanced(image_size):
    """Denoise, brighten and equalise, then paint over hair and rulers.

    The windows of the denoising belong to images of 224 pixels and more, and keep their
    share of smaller ones. There tiles are at least 16 pixels wide, and so fewer: the
    contrast is limited by whole pixels of each of 256 levels, and one of the 64 of a
    tile of 8 by 8 pixels is a limit of 4, not of 2.

    Args:
        image_size: Side of the images in pixels.
    """
    scale = min(1.0, image_size / REFERENCE_SIZE)
    n_tiles = max(1, min(8, image_size // LEAST_TILE))
    return [
        NonLocalMeans(3, odd_size(7 * scale), odd_size(21 * scale)),
        GammaCorrection(1 / 1.2),
        CLAHE(CLIP_LIMIT, (n_tiles, n_tiles)),
        # Slopes reach the limit, and 1 more by what was cut off and spread out: hair
        # has to be as much stronger than in a photograph that was not equalised.
        HairRemoval(sensitivity=1 / (CLIP_LIMIT + 1)),
        ArtefactSuppression(["ruler"]),
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


def other_camera(seeds, strength=1.0):
    """Change light and colour as much as two archives of dermoscopy differ.

    Brightness and contrast by up to 30 %, saturation by up to 40 %, hue by up to a
    twenty-fifth of its circle, then exposure and white balance, as `RandomGain`, by a
    tenth. Of the ways to meet an archive that was never seen it is the one that helped
    (benchmarks/domain_shift.py).
    """
    jitter, gain = seeds
    return [
        RandomColourJitter(
            *[min(1.0, share * strength) for share in (0.3, 0.3, 0.4)],
            min(0.5, 0.04 * strength),
            seed=jitter,
        ),
        RandomGain(0.1 * strength, 0.08 * strength, seed=gain),
    ]
