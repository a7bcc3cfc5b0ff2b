"""One photograph of the phantom clinic, with every truth."""

from dataclasses import dataclass

import numpy as np

from keras_derm.phantom import artefacts, camera
from keras_derm.phantom.dermatoscope import Dermatoscope, draw_dermatoscope, held
from keras_derm.phantom.fields import generator
from keras_derm.phantom.lesions import LesionPainter
from keras_derm.phantom.signs import draw_signs
from keras_derm.phantom.skin import paint_skin

HAIR_THRESHOLD = 0.04


@dataclass(frozen=True)
class Photograph:
    """A rendered photograph.

    Args:
        image: uint8 (size, size, 3) RGB.
        hair_free: The same without hair; equal to `image` outside `hair_mask`.
        lesion_mask, hair_mask, ruler_mask: bool (size, size).
        gains: float32 (3,), what the device's automatic exposure and white balance
            multiplied the linear light by; ones without a dermatoscope.

    Example:
        >>> rendered = photograph(population(1, seed=7).iloc[0], 0, seed=7, size=256)
        >>> rendered.image.shape
        (256, 256, 3)
    """

    image: np.ndarray
    hair_free: np.ndarray
    lesion_mask: np.ndarray
    hair_mask: np.ndarray
    ruler_mask: np.ndarray
    gains: np.ndarray


def photograph(
    row, index, seed, size, hair=1.0, artefact=1.0, dermatoscope=True, gains=None
):
    """Render one row of `population`.

    Args:
        row: Mapping with the columns of `population`.
        index: Position of the row, which names its random stream.
        seed: Non-negative integer.
        size: Height and width in pixels.
        hair: Factor on how many images have hair and on how much; 0 for none.
        artefact: Factor on every other artefact; 0 for a clean photograph.
        dermatoscope: Whether a dermatoscope chooses exposure and white balance, and
            the surface of the skin reflects; without, the colour of the skin tells
            its melanin.
        gains: The `gains` of another photograph by this dermatoscope, which then does
            not choose anew.

    Returns:
        `Photograph`.
    """
    lesion, mask, pixels_per_mm = _lesion_seen(row, seed, size)
    tissue = _tissue(row, lesion, generator(seed, 3, index), size, pixels_per_mm)
    lamp = generator(seed, 9, index)
    polarisation = artefacts.polarisation(lamp, artefact)
    colour = camera.tissue_colour(tissue, polarisation)
    cast = artefacts.colour_cast(lamp, artefact)
    device = None
    if dermatoscope:
        rng = generator(seed, 12, index)
        device = draw_dermatoscope(rng, polarisation > 0, artefact)
        colour = colour + device.surface(rng, size, pixels_per_mm, artefact)
    if device is not None and gains is not None:
        device = held(device, gains)
    return _shoot(
        colour, cast, device, mask, row, (seed, index), pixels_per_mm, hair, artefact
    )


def lesion_signs(row, seed):
    """Return the `Signs` of the lesion that a row of `population` shows."""
    return draw_signs(generator(seed, 2, row["lesion_key"]), row["diagnosis"])


def _lesion_seen(row, seed, size):
    """The lesion's tissue, mask and scale, turned or mirrored by the view."""
    rng = generator(seed, 4, row["lesion_key"])
    pixels_per_mm = size / (8.0 + 5.0 * rng.random())
    painter = LesionPainter(lesion_signs(row, seed), rng, size, pixels_per_mm)
    tissue, mask = painter.paint()
    pose = int(generator(seed, 5, row["lesion_key"]).integers(0, 8)) + 3 * row["view"]
    for field in tissue.maps():
        field[:] = _posed(field, pose).copy()
    return tissue, _posed(mask, pose).copy(), pixels_per_mm


def _tissue(row, lesion, rng, size, pixels_per_mm):
    """The person's skin with the lesion in it."""
    tissue = paint_skin(
        rng, size, pixels_per_mm, row["melanin_fraction"], row["blood_fraction"],
        row["age_approx"],
    )  # fmt: skip
    for skin_map, added in zip(tissue.maps(), lesion.maps(), strict=True):
        skin_map += added
    tissue.melanin[:] = np.maximum(tissue.melanin, np.float32(0.002))
    tissue.blood[:] = np.maximum(tissue.blood, 0)
    return tissue


def _posed(field, pose):
    turned = np.rot90(field, pose % 4)
    return turned[:, ::-1] if pose // 4 % 2 else turned


def _shoot(colour, cast, device, mask, row, key, pixels_per_mm, hair, artefact):
    """Add what lies over the skin and photograph it, with and without hair."""
    seed, index = key
    size = len(colour)
    rng = generator(seed, 6, index)
    colour = artefacts.add_ink(rng, colour, pixels_per_mm, artefact)
    colour = artefacts.add_bubbles(rng, colour, pixels_per_mm, artefact)
    ruler = artefacts.draw_ruler(rng, size, pixels_per_mm, artefact)
    hairs = artefacts.draw_hair(
        generator(seed, 7, index), size, pixels_per_mm,
        row["fitzpatrick_skin_type"], row["age_approx"], hair,
    )  # fmt: skip
    light = artefacts.light_field(rng, size, artefact) * cast
    shutter = _Shutter.draw(rng, key, device, light, artefact)
    scenes = [colour] if hairs is None else [colour, hairs.over(colour)]
    if ruler is not None:
        scenes = [ruler.over(scene) for scene in scenes]
    scenes = [shutter.at_sensor(scene) for scene in scenes]
    # The twin without hair is metered with it: it differs by nothing but the hair.
    gains = shutter.gains(scenes[-1])
    hair_free, *hairy = (shutter.picture(scene, gains) for scene in scenes)
    nothing = np.zeros((size, size), bool)
    ruler_mask = nothing if ruler is None else _seen(ruler.coverage, shutter.blur)
    gains = gains[0] * gains[1]
    if hairs is None:
        return Photograph(hair_free, hair_free, mask, nothing, ruler_mask, gains)
    hair_mask = _seen(hairs.coverage, shutter.blur)
    # JPEG spreads a hair over its block: outside the mask the twin's pixels stand.
    image = np.where(hair_mask[..., None], hairy[0], hair_free)
    return Photograph(image, hair_free, mask, hair_mask, ruler_mask, gains)


@dataclass(frozen=True)
class _Shutter:
    """Light, lens, device and file format of one photograph."""

    key: tuple
    device: Dermatoscope | None
    light: np.ndarray
    blur: float
    grain: float
    quality: int

    @classmethod
    def draw(cls, rng, key, device, light, artefact):
        blur = (0.35 + 0.75 * rng.random() ** 3) * min(artefact, 1.0)
        grain = (0.006 + 0.016 * rng.random()) * artefact
        quality = 75 + int(rng.integers(0, 23)) if artefact else 0
        return cls(key, device, light, blur, grain, quality)

    def at_sensor(self, scene):
        return camera.lens_blur(scene * self.light, self.blur)

    def gains(self, scene):
        if self.device is None:
            return np.float32(1), np.ones(3, np.float32)
        return self.device.gains(scene)

    def picture(self, scene, gains):
        seed, index = self.key
        noise = self.grain, generator(seed, 8, index)
        if self.device is None:
            image = camera.expose(scene, *noise)
        else:
            image = self.device.expose(scene, gains, *noise)
        return camera.through_jpeg(image, self.quality) if self.quality else image


def _seen(coverage, blur):
    wide = camera.lens_blur(np.repeat(coverage[..., None], 3, axis=2), blur)
    return wide[..., 0] > HAIR_THRESHOLD
