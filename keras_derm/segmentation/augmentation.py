"""What is done at random to the images that a segmenter learns from."""

from keras_derm.layers import Augmentation, RandomDarkening, RandomGain, RandomMirror
from keras_derm.layers.geometry import turned, zoomed
from keras_derm.layers.photometry import other_light


def segmentation_augmentation(seed=None, strength=1.0):
    """Flips, turns, zoom, and another light, device and skin.

    Flips and quarter turns, turns by up to 36 degrees, zoom of each side by up to 25 %;
    brightness and contrast by up to 20 %, exposure and white balance as between two
    cameras, and a darker picture in one of four: the outline is to be found in
    whatever light, and on whatever skin.

    Args:
        seed: Integer for a repeatable sequence, or `None`.
        strength: Factor of how far all but the flips go, at least 0.

    Returns:
        `keras_derm.layers.Augmentation`, which moves masks as their images.
    """
    seeds = [None if seed is None else seed + number for number in range(7)]
    if strength == 0:
        return Augmentation([RandomMirror(seeds[0])])
    return Augmentation(
        [
            RandomMirror(seeds[0]),
            zoomed(seeds[1], 0.25 * strength),
            turned(seeds[2], min(0.5, 0.1 * strength)),
        ],
        [
            *other_light(seeds[3:5], min(1.0, 0.2 * strength)),
            RandomGain(0.15 * strength, 0.06 * strength, seed=seeds[5]),
            RandomDarkening(min(1.0, 0.25 * strength), seed=seeds[6]),
        ],
    )
