"""Chains of image layers by the name of the published system that uses them."""

from typing import get_args

import keras

from keras_derm.layers.chains import Augmentation, Preparation
from keras_derm.layers.geometry import shifted, turned, zoomed
from keras_derm.layers.hair_removal import HairRemoval
from keras_derm.layers.min_max_rescale import MinMaxRescale
from keras_derm.layers.photometry import enhanced, other_camera, without_hair_and_rulers
from keras_derm.layers.random_colour_jitter import RandomColourJitter
from keras_derm.layers.random_gain import RandomGain
from keras_derm.layers.random_mirror import RandomMirror
from keras_derm.layers.random_noise import RandomNoise
from keras_derm.layers.square_pad import SquarePad
from keras_derm.layers.square_resize import SquareResize
from keras_derm.preparations.hair import scaled_kernel_size
from keras_derm.settings.kinds import OfflineCopies, Preset

PRESETS = get_args(Preset)
OFFLINE_COPIES = get_args(OfflineCopies)


def resize(image_size):
    """Return the `Preparation` that resizes and does no more.

    Args:
        image_size: Side of the square result in pixels.

    Example:
        >>> images = resize(224)(photographs)
    """
    return Preparation([SquareResize(image_size)])


def _turned(seed, strength):
    return turned(seed, min(0.5, 0.5 * strength))


_PREPARATIONS = {
    "keras_derm": lambda size: Preparation(
        [SquarePad(size)], without_hair_and_rulers()
    ),
    "sn_gan_ensemble": lambda size: Preparation(
        [SquareResize(size)], [HairRemoval("published", scaled_kernel_size(size))]
    ),
    "lora_diffusion": lambda size: Preparation([SquareResize(size)], enhanced(size)),
    "cwgan_gp": resize,
    "melanet": lambda size: Preparation([SquarePad(size, "black")], [MinMaxRescale()]),
}
_AUGMENTATIONS = {
    "keras_derm": lambda seeds, strength: Augmentation(
        [
            RandomMirror(seeds[0]),
            zoomed(seeds[4], 0.2 * strength),
            _turned(seeds[1], strength),
        ],
        other_camera(seeds[2:4], strength),
    ),
    "sn_gan_ensemble": lambda seeds, _: Augmentation([RandomMirror(seeds[0])]),
    "lora_diffusion": lambda seeds, strength: Augmentation(
        [RandomMirror(seeds[0])],
        [
            RandomColourJitter(
                *[min(1.0, 0.2 * strength)] * 3,
                min(0.5, 0.1 * strength),
                seed=seeds[1],
            )
        ],
    ),
    "cwgan_gp": lambda seeds, strength: Augmentation([RandomMirror(seeds[0])]),
    "melanet": lambda seeds, strength: Augmentation(),
}


def preparation(name, image_size):
    """Return the deterministic chain of a system.

    - `"keras_derm"`, ours: square padding, oriented hair removal, rulers painted
      over.
    - `"sn_gan_ensemble"`: resize (224 is published), then black-hat hair removal. The
      paper names no sizes: ours are a kernel of 17 pixels for 224-pixel images, scaled
      for others, and a threshold of 10. What it darkens before is drawn by
      `apps/prepare_dataset.py --darkened`.
    - `"lora_diffusion"`: resize, non-local means, gamma, CLAHE on L*, hair and rulers.
      The order is published; the strengths are not known to us and are OpenCV's
      defaults (3; 7 and 21 pixels; clip limit 2, 8 x 8 tiles), a gamma of 1 / 1.2, and
      a third of the usual sensitivity for hair, as that clip limit lets contrasts grow
      threefold. Images of less than 224 pixels have smaller windows, those of less
      than 128 fewer tiles: see `photometry.enhanced`.
    - `"cwgan_gp"`: resize.
    - `"melanet"`: square padding (256 is published; its black is ours) and min-max
      rescaling.

    Args:
        name: One of `PRESETS`.
        image_size: Side of the square result in pixels.

    Returns:
        A new `Preparation`: RGB in [0, 255] in and out.

    Raises:
        ValueError: There is no such preset.

    Example:
        >>> images = preparation("keras_derm", 224)(photographs)
    """
    return _chosen(_PREPARATIONS, name)(image_size)


def augmentation(name, seed=None, strength=1.0):
    """Return the random chain of a system, which acts in training only.

    - `"sn_gan_ensemble"`: flips, which are ours: the paper names none.
    - `"keras_derm"`: flips, zoom of each side by up to 20 %, rotation, and light and
      colour as other cameras have them: see `photometry.other_camera`.
    - `"lora_diffusion"`: flips, brightness, contrast and saturation by up to 20 %, hue
      by up to a tenth of its circle. Its random resized crops are part of the network:
      see `RandomResizedCrop`.
    - `"cwgan_gp"`: flips, which are ours: the paper names none.
    - `"melanet"`: none; it trains on copies made beforehand, `offline_copies`.

    Args:
        name: One of `PRESETS`.
        seed: Integer for a repeatable sequence, or `None`.
        strength: Factor, within [0, 3], of how far rotation, zoom, light and
            colour go; 1 is as above, 0 leaves the flips alone. No image is turned
            further than half a circle.

    Returns:
        A new `Augmentation`.

    Raises:
        ValueError: There is no such preset, or the strength is out of its range.

    Example:
        >>> images = augmentation("keras_derm", seed=0)(images)
    """
    if not 0 <= strength <= 3:
        raise ValueError(f"`strength` must be within [0, 3]. Received: {strength}")
    return _chosen(_AUGMENTATIONS, name)(_own_seeds(seed, 5), strength)


def tone_augmentation(image_type, seed=None, strength=1.0):
    """Return the random chain for a network that estimates skin tone.

    Flips and quarter turns, zoom of each side by up to 20 %, and other exposure and
    white balance: by a tenth for dermoscopy, whose colour is the device's, and by a
    fortieth for clinical photographs, whose colour is what tells the tone.

    Args:
        image_type: "dermoscopic", or another of `keras_derm.catalog.IMAGE_TYPES`.
        seed: Integer for a repeatable sequence, or `None`.
        strength: Factor of how far zoom and light go, at least 0.

    Returns:
        A new `Augmentation`.
    """
    seeds = _own_seeds(seed, 3)
    exposure = 0.12 if image_type == "dermoscopic" else 0.03
    return Augmentation(
        [RandomMirror(seeds[0]), zoomed(seeds[1], 0.2 * strength)],
        [RandomGain(exposure * strength, exposure / 3 * strength, seed=seeds[2])],
    )


_COPIES = {
    "melanet_code": lambda seeds: Augmentation(
        [RandomMirror(seeds[0]), turned(seeds[1], 1.0, "constant")]
    ),
    "melanet_paper": lambda seeds: Augmentation(
        [
            RandomMirror(seeds[0]),
            turned(seeds[1], 1.0, "constant"),
            zoomed(seeds[2], 0.2, "constant"),
            shifted(seeds[3], 0.1, "constant"),
        ],
        [
            RandomColourJitter(0.2, 0.0, 0.2, 0.05, seed=seeds[4]),
            RandomNoise(0.05, seed=seeds[5]),
        ],
    ),
}


def offline_copies(images, n_copies=5, seed=0, kind="melanet_code"):
    """Return randomly changed copies, as the 5x and 10x sets of melanet.

    What its code and its paper do before training is not the same:

    - `"melanet_code"`: flips in both directions with probability 0.5 each and a
      rotation by any angle, with black corners.
    - `"melanet_paper"`: these, zoom, shifts, brightness, "color space conversion",
      Gaussian noise and noise sampled once a pixel. The paper names no strengths:
      ours are zoom by up to 20 % and shifts by up to 10 % of each side, brightness and
      saturation by up to 20 %, hue by up to a twentieth of its circle (the conversion:
      changes in HSV), and noise as `RandomNoise` has it, up to 5 % of the range.

    Args:
        images: (n, height, width, 3), uint8.
        n_copies: Copies of each image.
        seed: Integer.
        kind: One of `OFFLINE_COPIES`.

    Returns:
        (n * n_copies, height, width, 3), uint8; the copies of one image follow each
        other. They belong to the split of their image, and to training alone.
    """
    if kind not in _COPIES:
        raise ValueError(f"`kind` must be one of {OFFLINE_COPIES}. Received: {kind!r}")
    views = _COPIES[kind](_own_seeds(seed, 6))
    copies = views(images.repeat(n_copies, axis=0).astype("float32"))
    return keras.ops.convert_to_numpy(keras.ops.round(copies)).astype("uint8")


def _own_seeds(seed, n_layers):
    """A seed for each layer: those of one seed would draw the same numbers."""
    return [None if seed is None else seed + number for number in range(n_layers)]


def _chosen(table, name):
    if name not in table:
        raise ValueError(f"`name` must be one of {PRESETS}. Received: {name!r}")
    return table[name]
