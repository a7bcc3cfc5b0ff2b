"""Chains of image layers by the name of the published system that uses them."""

import keras

from keras_derm.layers.artefact_suppression import ArtefactSuppression
from keras_derm.layers.clahe import CLAHE
from keras_derm.layers.gamma_correction import GammaCorrection
from keras_derm.layers.hair_removal import HairRemoval, scaled_kernel_size
from keras_derm.layers.min_max_rescale import MinMaxRescale
from keras_derm.layers.non_local_means import NonLocalMeans
from keras_derm.layers.random_darkening import RandomDarkening
from keras_derm.layers.random_mirror import RandomMirror
from keras_derm.layers.square_pad import SquarePad


def _resizing(image_size):
    return keras.layers.Resizing(
        image_size, image_size, antialias=True, dtype="float32"
    )


def _keras_derm(image_size):
    return [
        SquarePad(image_size),
        HairRemoval(),
        ArtefactSuppression(["ruler"]),
    ]


def _sn_gan_ensemble(image_size):
    return [
        _resizing(image_size),
        HairRemoval("published", kernel_size=scaled_kernel_size(image_size)),
    ]


def _lora_diffusion(image_size):
    return [
        _resizing(image_size),
        NonLocalMeans(strength=3, patch_size=7, search_size=21),
        GammaCorrection(1 / 1.2),
        CLAHE(clip_limit=2.0, tile_grid_size=(8, 8)),
        HairRemoval(),
        ArtefactSuppression(["ruler"]),
    ]


def _cwgan_gp(image_size):
    return [_resizing(image_size)]


def _melanet(image_size):
    return [SquarePad(image_size, fill="black"), MinMaxRescale()]


def _flips_and_light(seed, strength):
    first, second, third, fourth = _own_seeds(seed, 4)
    turn, light = min(0.5, 0.5 * strength), 0.1 * strength
    return [
        RandomMirror(seed=first),
        keras.layers.RandomRotation(turn, "reflect", seed=second, dtype="float32"),
        keras.layers.RandomBrightness(light, seed=third, dtype="float32"),
        # One number would only ever raise the contrast.
        keras.layers.RandomContrast(
            (light, light), (0, 255), seed=fourth, dtype="float32"
        ),
    ]


def _flips_zoom_and_light(seed, strength):
    *seeds, last = _own_seeds(seed, 5)
    flip, *others = _flips_and_light(seeds[0], strength)
    sides = (-0.2 * strength, 0.2 * strength)
    zoom = keras.layers.RandomZoom(
        sides, sides, fill_mode="reflect", seed=last, dtype="float32"
    )
    return [flip, zoom, *others]


def _flips_and_darkening(seed, strength):
    first, second = _own_seeds(seed, 2)
    return [
        RandomMirror(seed=first),
        RandomDarkening(min(1.0, 0.25 * strength), seed=second),
    ]


def _flips(seed, strength):
    return [RandomMirror(seed=seed)]


def _flips_and_rotation(seed):
    first, second = _own_seeds(seed, 2)
    return [
        RandomMirror(seed=first),
        keras.layers.RandomRotation(1.0, "constant", seed=second, dtype="float32"),
    ]


def _own_seeds(seed, n_layers):
    """A seed for each layer: those of one seed would draw the same numbers."""
    return [None if seed is None else seed + number for number in range(n_layers)]


_PREPROCESSING = {
    "keras_derm": _keras_derm,
    "sn_gan_ensemble": _sn_gan_ensemble,
    "lora_diffusion": _lora_diffusion,
    "cwgan_gp": _cwgan_gp,
    "melanet": _melanet,
}
_AUGMENTATION = {
    "keras_derm": _flips_zoom_and_light,
    "sn_gan_ensemble": _flips_and_darkening,
    "lora_diffusion": _flips_and_light,
    "cwgan_gp": _flips,
    "melanet": lambda seed, strength: [],
}
PRESETS = tuple(_PREPROCESSING)


def preprocessing(name, image_size):
    """Return the deterministic chain of a system.

    - `"keras_derm"`, ours: square padding, oriented hair removal, rulers painted
      over.
    - `"sn_gan_ensemble"`: resize, then black-hat hair removal, whose 17-pixel kernel
      belongs to 224-pixel images and is scaled for others.
    - `"lora_diffusion"`: resize (224 is published), non-local means, gamma, CLAHE on
      L*, hair and rulers. The order is published; the strengths are not known to us
      and are OpenCV's defaults (3; 7 and 21 pixels; clip limit 2, 8 x 8 tiles) and
      a gamma of 1 / 1.2.
    - `"cwgan_gp"`: resize.
    - `"melanet"`: black square padding (256 is published) and min-max rescaling.

    Args:
        name: One of `PRESETS`.
        image_size: Side of the square result in pixels.

    Returns:
        New layers in the order in which they are applied; RGB in [0, 255] in and
        out; the first makes all images one size.
    """
    return _chosen(_PREPROCESSING, name)(image_size)


def augmentation(name, seed=None, strength=1.0):
    """Return the random chain of a system, which acts in training only.

    - `"sn_gan_ensemble"`: flips, then darkening with probability 0.25 and factor
      0.5.
    - `"keras_derm"`: flips, zoom of each side by up to 20 %, rotation, brightness and
      contrast by up to 10 %.
    - `"lora_diffusion"`: the same without zoom. The strengths are ours.
    - `"cwgan_gp"`: flips.
    - `"melanet"`: none; it trains on copies made beforehand, `offline_copies`.

    Args:
        name: One of `PRESETS`.
        seed: Integer for a repeatable sequence, or `None`.
        strength: Factor, within [0, 3], of how far rotation, zoom, brightness and
            contrast go and of how often an image is darkened; 1 is as above, 0 leaves
            the flips alone. No image is turned further than half a circle.

    Returns:
        New layers in the order in which they are applied.

    Raises:
        ValueError: There is no such preset, or the strength is out of its range.
    """
    if not 0 <= strength <= 3:
        raise ValueError(f"`strength` must be within [0, 3]. Received: {strength}")
    return _chosen(_AUGMENTATION, name)(seed, strength)


def offline_copies(images, n_copies=5, seed=0):
    """Return randomly flipped and turned copies, as the 5x and 10x sets of melanet.

    Flips in both directions with probability 0.5 each and a rotation by any angle,
    with black corners: what the published code does before training.

    Args:
        images: (n, height, width, 3), uint8.
        n_copies: Copies of each image.
        seed: Integer.

    Returns:
        (n * n_copies, height, width, 3), uint8; the copies of one image follow each
        other. They belong to the split of their image, and to training alone.
    """
    copies = images.repeat(n_copies, axis=0).astype("float32")
    for layer in _flips_and_rotation(seed):
        copies = layer(copies, training=True)
    return keras.ops.convert_to_numpy(keras.ops.round(copies)).astype("uint8")


def _chosen(table, name):
    if name not in table:
        raise ValueError(f"`name` must be one of {PRESETS}. Received: {name!r}")
    return table[name]
