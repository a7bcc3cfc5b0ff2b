"""The skin around a lesion: mottled pigment, capillary blood, skin lines, pores."""

import numpy as np

from keras_derm.phantom.fields import (
    blur,
    cell_walls,
    curve,
    fractal_noise,
    noise,
    scattered_points,
    smoothstep,
    spots,
)
from keras_derm.phantom.lesions import Tissue


def paint_skin(rng, size, pixels_per_mm, melanin, blood, age):
    """Return the `Tissue` of lesion-free skin.

    Args:
        rng: NumPy generator.
        size: Height and width in pixels.
        pixels_per_mm: Scale of the photograph.
        melanin: Mean melanin volume fraction of the epidermis.
        blood: Mean blood volume fraction of the dermis.
        age: Years; old skin is more mottled and shows fine vessels.
    """
    wear = min(max((age - 30) / 60, 0.0), 1.0)
    tissue = Tissue.empty(size)
    mottle = fractal_noise(rng, size, 1.6 * pixels_per_mm, octaves=4, gain=0.7)
    tissue.melanin += np.float32(melanin) * np.clip(
        1 + np.float32(0.07 + 0.10 * wear * rng.random()) * mottle, 0.4, 2
    )
    flush = fractal_noise(rng, size, 0.9 * pixels_per_mm, octaves=4, gain=0.75)
    spread = np.float32(0.18 + 0.35 * wear * rng.random())
    tissue.blood += np.float32(blood) * np.clip(1 + spread * flush, 0.15, 4)
    _lines(rng, tissue, size, pixels_per_mm)
    _pores(rng, tissue, size, pixels_per_mm)
    if rng.random() < 0.35 * wear:
        _fine_vessels(rng, tissue, size, pixels_per_mm)
    if rng.random() < 0.30 * (melanin < 0.08):
        _freckles(rng, tissue, size, pixels_per_mm)
    return tissue


def _lines(rng, tissue, size, pixels_per_mm):
    """Skin furrows: thinner epidermis, so less melanin, and a little gloss."""
    walls = cell_walls(rng, size, max(0.55 * pixels_per_mm, 4), 0.9)
    depth = np.float32(0.03 + 0.09 * rng.random())
    furrows = blur(smoothstep(walls, 0.5, 1.1), 0.9)
    patchy = smoothstep(noise(rng, size, 2.5 * pixels_per_mm), -1.5, 1.0)
    grain = fractal_noise(rng, size, 0.18 * pixels_per_mm, octaves=2)
    tissue.melanin *= np.clip(1 - depth * furrows * patchy + 0.05 * grain, 0.5, 1.5)
    tissue.keratin += np.float32(0.002) * np.clip(1 + grain, 0, 3)


def _pores(rng, tissue, size, pixels_per_mm):
    if rng.random() > 0.4:
        return
    even = np.ones((size, size), np.float32)
    points = scattered_points(rng, even, int(rng.integers(15, 70)))
    radii = (0.05 + 0.06 * rng.random(len(points))) * pixels_per_mm
    pores = blur(spots(size, points, radii), 1.2)
    tissue.melanin *= 1 - 0.35 * pores
    tissue.keratin += 0.03 * pores


def _fine_vessels(rng, tissue, size, pixels_per_mm):
    canvas = np.zeros((size, size), np.uint8)
    for _ in range(int(rng.integers(2, 9))):
        point = rng.random(2) * size
        course = rng.random(2) - 0.5
        points = [point]
        for _ in range(int(rng.integers(6, 16))):
            course = course + (rng.random(2) - 0.5) * 0.5
            point = point + course * 0.5 * pixels_per_mm
            points.append(point)
        curve(canvas, points, 0.05 * pixels_per_mm, 140)
    tissue.blood += 0.07 * blur(canvas.astype(np.float32) / np.float32(255), 1.0)


def _freckles(rng, tissue, size, pixels_per_mm):
    field = fractal_noise(rng, size, 0.8 * pixels_per_mm, octaves=4)
    sparse = noise(rng, size, 4 * pixels_per_mm)
    spread = smoothstep(field + 0.8 * sparse, 0.9, 3.2)
    tissue.melanin += np.float32(0.02 + 0.05 * rng.random()) * spread
