"""What else is in a dermoscopic photograph: hair, rulers, gel, ink, light."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from keras_derm.phantom.fields import blur, curve, fractal_noise, noise, smoothstep

HAIR_COLOURS = {
    "black": (0.012, 0.010, 0.009),
    "brown": (0.045, 0.026, 0.016),
    "blond": (0.30, 0.20, 0.10),
    "grey": (0.42, 0.41, 0.40),
}
"""Linear sRGB of hair."""


@dataclass
class Overlay:
    """Something opaque in front of the skin.

    Args:
        coverage: float32 (size, size) in [0, 1].
        colour: Linear sRGB, shape (3,) or (size, size, 3).

    Example:
        >>> picture = Overlay(coverage, (0.02, 0.02, 0.02)).over(picture)
    """

    coverage: np.ndarray
    colour: np.ndarray

    def over(self, colour):
        """Composite onto linear colour (size, size, 3)."""
        share = self.coverage[..., None]
        return colour * (1 - share) + share * np.asarray(self.colour, np.float32)


def draw_hair(rng, size, pixels_per_mm, skin_type, age, level):
    """Return an `Overlay` of hairs, or None for an image without hair.

    Args:
        rng: NumPy generator.
        size: Height and width in pixels.
        pixels_per_mm: Scale of the photograph.
        skin_type: Fitzpatrick type: types I and II have the fair hair.
        age: Years: grey hair comes with age.
        level: Factor on the share of hairy images and on the hairs in each.
    """
    chance, amount, thick = rng.random(), rng.random(), rng.random()
    colour = HAIR_COLOURS[_hair_colour(rng, skin_type, age)]
    if chance > 0.55 * level:
        return None
    count = max(1, int((2 + 55 * amount**3) * level))
    width = (0.03 + 0.045 * thick) * pixels_per_mm
    heading, curl = 2 * math.pi * rng.random(), 0.15 + 0.9 * rng.random() ** 2
    long = (2.0 + 7.0 * rng.random()) * pixels_per_mm
    if rng.random() < 0.15:
        long = 0.9 * pixels_per_mm  # shaved
    canvas = np.zeros((size, size), np.uint8)
    sheen = np.zeros((size, size), np.uint8)
    for _ in range(count):
        points = _hair_course(rng, size, heading, curl, long)
        mine = width * (0.6 + 0.7 * rng.random())
        curve(canvas, points, mine, 250)
        if mine >= 2.0:
            curve(sheen, points, 0.5, 150)
    if not canvas.any():
        return None
    coverage = blur(canvas.astype(np.float32) / np.float32(255), 0.45)
    gloss = sheen.astype(np.float32)[..., None] / np.float32(255)
    shade = np.asarray(colour, np.float32) + gloss * np.float32(0.10)
    return Overlay(coverage * np.float32(0.96), shade)


def draw_ruler(rng, size, pixels_per_mm, level):
    """Return an `Overlay` of a millimetre scale at an edge, or None."""
    if rng.random() > 0.10 * level:
        return None
    canvas = np.zeros((size, size), np.uint8)
    margin = (0.02 + 0.05 * rng.random()) * size
    tick = (0.35 + 0.25 * rng.random()) * pixels_per_mm
    slope = (rng.random() - 0.5) * 0.12
    start = rng.random() * pixels_per_mm
    width = 0.07 * pixels_per_mm
    for mark in range(int(size / pixels_per_mm) + 1):
        x = start + mark * pixels_per_mm
        y = margin + slope * x
        length = tick * (2.0 if mark % 5 == 0 else 1.0)
        curve(canvas, [(x, y), (x - slope * length, y + length)], width)
        if mark % 5 == 0:
            place = (int(x + 2), int(y + length + 0.35 * pixels_per_mm))
            height = 0.022 * pixels_per_mm
            cv2.putText(canvas, str(mark), place, cv2.FONT_HERSHEY_SIMPLEX,
                        height, 255, 1, cv2.LINE_AA)  # fmt: skip
    canvas = np.rot90(canvas, int(rng.integers(0, 4)))
    coverage = np.ascontiguousarray(canvas).astype(np.float32) / np.float32(255)
    return Overlay(coverage * np.float32(0.9), np.float32([0.02, 0.02, 0.025]))


def add_ink(rng, colour, pixels_per_mm, level):
    """Surgical marker: translucent violet or blue strokes near an edge."""
    if rng.random() > 0.06 * level:
        return colour
    size = len(colour)
    canvas = np.zeros((size, size), np.uint8)
    for _ in range(int(rng.integers(1, 3))):
        x = rng.random(3) * size
        y = np.full(3, (0.02 + 0.12 * rng.random()) * size)
        y = y + (rng.random(3) - 0.5) * 0.06 * size
        curve(canvas, np.stack([x, y], axis=1), 0.45 * pixels_per_mm)
    canvas = np.ascontiguousarray(np.rot90(canvas, int(rng.integers(0, 4))))
    stroke = blur(canvas.astype(np.float32) / np.float32(255), 1.2)
    grain = np.clip(0.75 + 0.2 * fractal_noise(rng, size, 6), 0, 1)
    dye = np.float32([0.25, 0.18, 0.62]) + np.float32(0.2) * np.float32(rng.random())
    return colour * (1 - (stroke * grain)[..., None] * (1 - dye))


def add_bubbles(rng, colour, pixels_per_mm, level):
    """Gas bubbles in the immersion gel: a dark rim and a bright glint each."""
    if rng.random() > 0.14 * level:
        return colour
    size = len(colour)
    rim, glint = (np.zeros((size, size), np.uint8) for _ in range(2))
    for _ in range(int(rng.integers(1, 7))):
        radius = (0.12 + 0.7 * rng.random() ** 3) * pixels_per_mm
        x, y = rng.random(2) * size
        fixed = (int(x * 16), int(y * 16))
        cv2.circle(rim, fixed, int(radius * 16), 150, 1, cv2.LINE_AA, 4)
        lit = (int((x - 0.5 * radius) * 16), int((y - 0.5 * radius) * 16))
        cv2.circle(glint, lit, int((0.14 * radius + 0.4) * 16), 255, -1,
                   cv2.LINE_AA, 4)  # fmt: skip
    rim = blur(rim.astype(np.float32) / np.float32(255), 0.8)[..., None]
    glint = blur(glint.astype(np.float32) / np.float32(255), 0.6)[..., None]
    return colour * (1 - 0.40 * rim) + 0.60 * glint * (1 - colour)


def light_field(rng, size, level):
    """Illumination (size, size, 1): exposure, gradient, fall-off, dark corners."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / np.float32(size - 1) - 0.5
    tilt = (rng.random(2) - 0.5) * 0.30 * level
    light = 1 + np.float32(tilt[0]) * x + np.float32(tilt[1]) * y
    squared = x * x + y * y
    light = light * (1 - np.float32(0.35 * rng.random() * level) * squared)
    corner, reach = rng.random(), 0.58 + 0.12 * rng.random()
    if corner < 0.12 * level:
        light = light * smoothstep(np.sqrt(squared), reach + 0.07, reach - 0.05)
    patchy = noise(rng, size, size / 3) * np.float32(0.012 * level)
    exposure = 1 + (rng.random() - 0.45) * 0.30 * level
    return (np.clip(light + patchy, 0, 2) * np.float32(exposure))[..., None]


def colour_cast(rng, level):
    """White-balance gains (3,) of the device, pink to violet in most archives.

    The skin of HAM10000 has a median a* of 20 and b* of 4 (10th to 90th
    percentile of 300 images: 8 to 34 and -7 to 15), where the
    optical model of unblocked light says 7 and 18. With these gains, chosen to come
    closer, 140 phantom images have 16 and 16: redder, but still yellower than real.
    """
    pink = 1.25 * rng.random() * level
    warmth, tint = (rng.random(2) + rng.random(2) - 1) * level
    gains = [
        1 + 0.05 * pink + 0.04 * warmth,
        1 - 0.17 * pink - 0.03 * tint,
        1 + 0.36 * pink - 0.10 * warmth,
    ]
    return np.asarray(gains, np.float32)


def polarisation(rng, level):
    """Share of the light returned by the epidermis that the device blocks.

    A cross-polarised dermoscope blocks light that was scattered only a few times,
    which makes skin redder; a contact dermoscope without polarisers blocks none.
    """
    polarised, share = rng.random() < 0.85, rng.random()
    return (0.45 + 0.4 * share) * min(level, 1.0) if polarised else 0.0


def _hair_colour(rng, skin_type, age):
    draw, grey = rng.random(), rng.random()
    if age > 50 and grey < (age - 50) / 60:
        return "grey"
    if skin_type in ("I", "II"):
        return "blond" if draw < 0.30 else "brown" if draw < 0.75 else "black"
    if skin_type == "III":
        return "brown" if draw < 0.5 else "black"
    return "black"


def _hair_course(rng, size, heading, curl, length):
    """Points of one hair: a heading that turns steadily."""
    angle = heading + (rng.random() - 0.5) * 1.6
    turn = (rng.random() - 0.5) * 2 * curl
    steps = 14
    reach = length * (0.5 + rng.random()) / steps
    point = rng.random(2) * size * 1.2 - 0.1 * size
    points = [point]
    for _ in range(steps):
        angle += turn / steps * 2 + (rng.random() - 0.5) * 0.15 * curl
        point = point + reach * np.array([math.cos(angle), math.sin(angle)])
        points.append(point)
    return np.array(points)
