"""Paint lesions as melanin, blood and scattering, from their signs alone."""

from dataclasses import dataclass

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

SURFACE_SHARE = np.float32(0.45)
"""Share of a lesion's melanin that lies in the upper epidermis and the horn.

A free parameter, chosen by eye and by colour beside HAM10000; it is not from the
literature. Median lesion minus median skin in L*, a*, b*: 300 images of HAM10000
-17, +9, +10; 140 phantom images at archive frequencies -20, +3, +6 (before this
parameter, -19, +1, -1). The lesions are still less red than real ones.
"""


@dataclass
class Tissue:
    """Maps of what the skin is made of, each float32 (size, size).

    Args:
        melanin: Melanin volume fraction of the epidermis.
        surface_melanin: The same measure for melanin carried up to the horn layer,
            where it filters all light; healthy skin has none.
        blood: Blood volume fraction of the dermis.
        dermis: -1 (fibrosis) to 1 (deep melanin); see `optics.skin_reflectance`.
        keratin: Reflectance of horn on top of the skin, 0-1.

    Example:
        >>> tissue = Tissue.empty(256)
    """

    melanin: np.ndarray
    surface_melanin: np.ndarray
    blood: np.ndarray
    dermis: np.ndarray
    keratin: np.ndarray

    @classmethod
    def empty(cls, size):
        """Tissue without anything in it."""
        return cls(*(np.zeros((size, size), np.float32) for _ in range(5)))

    def maps(self):
        """Return the five maps in order."""
        return self.melanin, self.surface_melanin, self.blood, self.dermis, self.keratin


class LesionPainter:
    """Paints one lesion.

    The order of random draws is fixed by the signs, so a lesion looks the same
    whatever skin it lies in.

    Args:
        signs: `Signs` of the lesion.
        rng: NumPy generator of the lesion.
        size: Height and width in pixels.
        pixels_per_mm: Scale of the photograph.

    Example:
        >>> tissue, mask = LesionPainter(signs, rng, 256, 12.0).paint()
    """

    def __init__(self, signs, rng, size, pixels_per_mm):
        self.rng = rng
        self.size = size
        self.scale = pixels_per_mm
        self.grades = signs.grades
        self.present = signs.present
        self.tissue = Tissue.empty(size)
        self.inside, self.coverage, self.centre = self._outline()
        self.body = self.coverage

    def paint(self):
        """Return the lesion's `Tissue` (what it adds to the skin) and its mask.

        Returns:
            Tuple of `Tissue` and a bool array (size, size).
        """
        self._ground()
        for name, painter in _PAINTERS.items():
            if name in self.present:
                painter(self)
        tissue = self.tissue
        # Over deep pigment the papillary dermis is compact and poor in vessels.
        tissue.blood *= 1 - 0.85 * np.clip(tissue.dermis, 0, 1)
        tissue.melanin = np.clip(tissue.melanin, 0, 1)
        tissue.surface_melanin = SURFACE_SHARE * tissue.melanin
        tissue.melanin = (1 - SURFACE_SHARE) * tissue.melanin
        return self.tissue, self.coverage > 0.5

    def _outline(self):
        """Depth inside the border (1 at the centre), soft coverage, centre (x, y)."""
        rng, size, grades = self.rng, self.size, self.grades
        radius = (1.3 + 4.2 * grades["diameter"]) * self.scale
        radius = min(radius, 0.42 * size)
        room = max(0.0, 0.44 * size - radius)
        centre = size / 2 + (rng.random(2) - 0.5) * 0.8 * room
        squeeze = 1.0 + 0.35 * rng.random()
        cosine = 2 * rng.random() - 1
        sine = (1 - cosine * cosine) ** 0.5
        y, x = np.mgrid[0:size, 0:size].astype(np.float32)
        dx, dy = (x - np.float32(centre[0])), (y - np.float32(centre[1]))
        along = (dx * np.float32(cosine) + dy * np.float32(sine)) / np.float32(
            radius * squeeze**0.5
        )
        across = (dy * np.float32(cosine) - dx * np.float32(sine)) * np.float32(
            squeeze**0.5 / radius
        )
        distance = np.sqrt(along * along + across * across)
        bulge = noise(rng, size, max(radius * 1.1, 4))
        fringe = fractal_noise(rng, size, max(radius * 0.42, 3), octaves=4)
        inside = (
            1
            - distance
            + np.float32(0.05 + 0.16 * grades["asymmetry"]) * bulge
            + np.float32(0.025 + 0.11 * grades["border_irregularity"]) * fringe
        )
        softness = (0.10 + 0.55 * (1 - grades["border_sharpness"])) * self.scale
        half = max(softness, 1.2) / radius
        return inside, smoothstep(inside, -half, half), centre

    def _ground(self):
        """Brown and red ground: uneven by variegation, one-sided by asymmetry."""
        grades, rng, size = self.grades, self.rng, self.size
        mottle = fractal_noise(rng, size, 1.1 * self.scale, octaves=4, gain=0.7)
        broad = noise(rng, size, 2.2 * self.scale)
        fine = fractal_noise(rng, size, 0.22 * self.scale, octaves=2)
        uneven = (
            1
            + np.float32(0.12 + 0.25 * grades["variegation"]) * mottle
            + np.float32(0.10 + 0.50 * grades["asymmetry"] * grades["variegation"])
            * broad
            + np.float32(0.10) * fine
        )
        deeper = 0.45 + 0.55 * smoothstep(self.inside, 0, 0.7)
        amount = 0.03 + 0.50 * grades["pigmentation"] ** 2
        self.tissue.melanin += np.float32(amount) * (
            self.body * deeper * np.clip(uneven, 0.12, 3)
        )
        flush = 1 + np.float32(0.35) * fractal_noise(rng, size, 0.8 * self.scale)
        halo = smoothstep(self.inside, -0.35, 0.25)
        self.tissue.blood += np.float32(0.09 * grades["redness"] ** 2) * (
            halo * np.clip(flush, 0.2, 3)
        )
        # Colours beyond brown and red: depth of the pigment varies.
        self.tissue.dermis += (
            np.float32(0.20 * grades["variegation"])
            * smoothstep(noise(rng, size, 1.6 * self.scale), 0.4, 1.6)
            * self.body
        )

    def _network(self, pitch, jitter, dark, width, patchy):
        walls = cell_walls(self.rng, self.size, max(pitch * self.scale, 3.0), jitter)
        thick = width + 0.12 * noise(self.rng, self.size, 1.5 * self.scale)
        lines = smoothstep(walls - thick, -0.22, 0.30)
        where = noise(self.rng, self.size, 2.0 * self.scale)
        extent = self.body * smoothstep(where, -patchy - 0.8, -patchy + 0.8)
        rim = 1 - 0.6 * smoothstep(self.inside, 0.35, 0.9)
        lines = blur(lines, 0.045 * self.scale)
        net = extent * rim * np.float32(dark)
        self.tissue.melanin *= 1 - 0.28 * extent * rim * (1 - lines)
        self.tissue.melanin += net * lines

    def _typical_network(self):
        dark = 0.06 + 0.14 * self.grades["pigmentation"]
        self._network(0.26, 0.75, dark, 0.55, 1.0)

    def _atypical_network(self):
        dark = 0.12 + 0.30 * self.grades["pigmentation"]
        self._network(0.44, 0.95, dark, 0.55, -0.1)

    def _discs(self, weight, count, low, high):
        points = scattered_points(self.rng, weight, count)
        radii = (low + (high - low) * self.rng.random(len(points))) * self.scale
        return blur(spots(self.size, points, radii), 0.035 * self.scale)

    def _globules(self):
        count = int(self.rng.integers(40, 140))
        discs = self._discs(self.body * (self.body > 0.7), count, 0.05, 0.13)
        dark = np.float32(0.07 + 0.16 * self.grades["pigmentation"])
        self.tissue.melanin += dark * discs
        self.tissue.dermis += np.float32(0.12) * discs

    def _irregular_dots(self):
        where = noise(self.rng, self.size, 1.4 * self.scale)
        weight = self.body * smoothstep(where, 0.1, 1.0)
        count = int(self.rng.integers(25, 90))
        self.tissue.melanin += 0.40 * self._discs(weight, count, 0.025, 0.08)

    def _streaks(self):
        canvas = np.zeros((self.size, self.size), np.uint8)
        where = noise(self.rng, self.size, 2.5 * self.scale)
        rim = smoothstep(self.inside, -0.05, 0.05) * smoothstep(self.inside, 0.2, 0.1)
        count = int(self.rng.integers(25, 60))
        starts = scattered_points(self.rng, rim * smoothstep(where, -0.2, 0.4), count)
        for start in starts:
            outward = start - self.centre
            outward = outward / max((outward * outward).sum() ** 0.5, 1.0)
            length = (0.3 + 0.6 * self.rng.random()) * self.scale
            sway = (self.rng.random(2) - 0.5) * 0.25 * length
            end = start + outward * length
            middle = (start + end) / 2 + sway
            curve(canvas, [start - outward * length * 0.4, middle, end],
                  0.07 * self.scale)  # fmt: skip
        lines = blur(canvas.astype(np.float32) / np.float32(255), 0.045 * self.scale)
        self.tissue.melanin += (
            np.float32(0.12 + 0.26 * self.grades["pigmentation"]) * lines
        )
        self.coverage = np.maximum(self.coverage, lines * (lines > 0.3))

    def _patch(self, share, scale, depth=0.15, edge=1.8):
        """A soft patch inside the lesion that covers about `share` of it."""
        field = fractal_noise(self.rng, self.size, scale * self.scale)
        field = field + 1.2 * self.inside
        values = np.sort(field[self.body > 0.5])
        if not len(values):
            return np.zeros_like(field)
        cut = float(values[int((1 - share) * (len(values) - 1))])
        inner = smoothstep(self.inside, depth - 0.15, depth + 0.15)
        return smoothstep(field, cut - edge / 2, cut + edge / 2) * inner * self.body

    def _blue_white_veil(self):
        veil = self._patch(0.2 + 0.25 * self.rng.random(), 1.8)
        self.tissue.dermis += 0.85 * veil
        self.tissue.melanin *= 1 - 0.85 * veil
        self.tissue.keratin += 0.03 * veil

    def _regression(self):
        scar = self._patch(0.2 + 0.25 * self.rng.random(), 1.5)
        self.tissue.melanin *= 1 - 0.85 * scar
        self.tissue.dermis = self.tissue.dermis * (1 - scar) - 0.75 * scar
        peppers = self._discs(scar, int(self.rng.integers(40, 140)), 0.02, 0.05)
        self.tissue.dermis = np.maximum(self.tissue.dermis, 0.8 * peppers - scar)

    def _milia_like_cysts(self):
        count = int(self.rng.integers(6, 28))
        cysts = self._discs(self.body * (self.body > 0.8), count, 0.05, 0.13)
        self.tissue.keratin += 0.24 * blur(cysts, 0.06 * self.scale)
        self.tissue.melanin *= 1 - 0.6 * cysts

    def _comedo_like_openings(self):
        count = int(self.rng.integers(5, 22))
        plugs = self._discs(self.body * (self.body > 0.8), count, 0.06, 0.18)
        self.tissue.melanin += 0.35 * plugs
        rims = np.clip(blur(plugs, 0.1 * self.scale) - plugs, 0, 1)
        self.tissue.melanin *= 1 - 0.5 * rims

    def _arborising_vessels(self):
        canvas = np.zeros((self.size, self.size), np.uint8)
        rim = self.body * smoothstep(self.inside, 0.5, 0.1)
        trunks = int(self.rng.integers(3, 7))
        for start in scattered_points(self.rng, rim, trunks):
            inward = self.centre - start
            inward = inward / max((inward * inward).sum() ** 0.5, 1.0)
            _branch(self.rng, canvas, start, inward, 0.11 * self.scale,
                    0.16 * self.scale, 4)  # fmt: skip
        vessels = blur(canvas.astype(np.float32) / np.float32(255), 0.5)
        self.tissue.blood += 0.30 * vessels
        self.tissue.melanin *= 1 - 0.4 * vessels

    def _blue_grey_nests(self):
        count = int(self.rng.integers(4, 14))
        nests = self._discs(self.body * (self.body > 0.7), count, 0.15, 0.45)
        grain = 1 + 0.25 * noise(self.rng, self.size, 0.2 * self.scale)
        nests = blur(nests, 0.08 * self.scale) * np.clip(grain, 0, 1.5)
        self.tissue.dermis += 0.8 * nests
        self.tissue.melanin += 0.06 * nests

    def _ulceration(self):
        crust = self._patch(0.10 + 0.15 * self.rng.random(), 0.9, edge=0.25)
        grain = fractal_noise(self.rng, self.size, 0.35 * self.scale)
        clot = crust * smoothstep(grain, -0.6, 0.9)
        self.tissue.blood += 0.22 * crust + 0.35 * clot
        self.tissue.melanin = self.tissue.melanin * (1 - 0.6 * crust) + 0.10 * clot

    def _lacunae(self):
        clot = float(self.rng.random() ** 2)
        weight = self.body * (self.body > 0.8)
        count = int(self.rng.integers(8, 26))
        points = scattered_points(self.rng, weight, count)
        radii = (0.22 + 0.5 * self.rng.random(len(points))) * self.scale
        lakes = blur(spots(self.size, points, radii), 0.07 * self.scale)
        warp = fractal_noise(self.rng, self.size, 0.5 * self.scale)
        lakes = smoothstep(lakes * self.body + 0.08 * warp, 0.22, 0.72)
        lakes = lakes * np.clip(0.85 + 0.15 * warp, 0.4, 1.2)
        self.tissue.blood += np.float32(0.16 + 0.5 * clot) * lakes
        self.tissue.melanin += np.float32(0.45 * clot * clot) * lakes
        self.tissue.dermis += np.float32(0.35 * clot) * lakes
        self.tissue.dermis -= 0.30 * self.body * (1 - lakes)
        self.tissue.blood += 0.02 * self.body

    def _scale(self):
        flakes = fractal_noise(self.rng, self.size, 0.55 * self.scale, 4, 0.75)
        sheet = noise(self.rng, self.size, 1.6 * self.scale)
        horn = smoothstep(flakes + 0.8 * sheet, 0.2, 2.8) * self.body
        self.tissue.keratin += 0.30 * horn

    def _strawberry_pattern(self):
        pitch = max(0.55 * self.scale, 4.0)
        walls = cell_walls(self.rng, self.size, pitch, 0.7)
        net = blur(smoothstep(walls, 0.35, 0.75), 0.8)
        holes = blur(smoothstep(walls, 0.38, 0.16), 0.6)
        where = smoothstep(noise(self.rng, self.size, 2 * self.scale), -1.2, 0.0)
        self.tissue.blood += 0.05 * net * self.body * where
        self.tissue.keratin += 0.16 * holes * self.body * where

    def _central_white_patch(self):
        wobble = 0.12 * fractal_noise(self.rng, self.size, 0.9 * self.scale)
        scar = smoothstep(self.inside + wobble, 0.30, 0.75)
        threads = cell_walls(self.rng, self.size, max(0.4 * self.scale, 4), 0.9)
        scar = scar * (0.75 + 0.25 * smoothstep(threads, 0.4, 0.8))
        self.tissue.melanin *= 1 - 0.85 * scar
        self.tissue.dermis = self.tissue.dermis * (1 - scar) - 0.9 * scar
        self.tissue.blood *= 1 - 0.5 * scar

    def _dotted_vessels(self):
        where = smoothstep(noise(self.rng, self.size, 1.5 * self.scale), -0.6, 0.6)
        count = int(self.rng.integers(50, 160))
        self.tissue.blood += 0.13 * self._discs(self.body * where, count, 0.035, 0.08)

    def _white_circles(self):
        weight = self.body * (self.body > 0.8)
        points = scattered_points(self.rng, weight, int(self.rng.integers(5, 18)))
        radii = (0.14 + 0.12 * self.rng.random(len(points))) * self.scale
        outer = spots(self.size, points, radii)
        inner = spots(self.size, points, radii * 0.55)
        rings = blur(np.clip(outer - inner, 0, 1), 0.5)
        self.tissue.keratin += 0.22 * rings + 0.06 * self.body * (
            smoothstep(noise(self.rng, self.size, self.scale), 0.2, 1.4)
        )
        self.tissue.melanin += 0.05 * inner


_PAINTERS = {
    "typical_network": LesionPainter._typical_network,
    "atypical_network": LesionPainter._atypical_network,
    "globules": LesionPainter._globules,
    "streaks": LesionPainter._streaks,
    "blue_grey_nests": LesionPainter._blue_grey_nests,
    "lacunae": LesionPainter._lacunae,
    "strawberry_pattern": LesionPainter._strawberry_pattern,
    "blue_white_veil": LesionPainter._blue_white_veil,
    "regression": LesionPainter._regression,
    "central_white_patch": LesionPainter._central_white_patch,
    "irregular_dots": LesionPainter._irregular_dots,
    "comedo_like_openings": LesionPainter._comedo_like_openings,
    "milia_like_cysts": LesionPainter._milia_like_cysts,
    "dotted_vessels": LesionPainter._dotted_vessels,
    "arborising_vessels": LesionPainter._arborising_vessels,
    "ulceration": LesionPainter._ulceration,
    "scale": LesionPainter._scale,
    "white_circles": LesionPainter._white_circles,
}


def _branch(rng, canvas, start, direction, width, step, generations):
    """Draw a vessel that wanders and forks, thinner with each generation."""
    points = [np.asarray(start, float)]
    for _ in range(int(rng.integers(6, 12))):
        direction = direction + (rng.random(2) - 0.5) * 0.9
        direction = direction / max((direction * direction).sum() ** 0.5, 1e-3)
        points.append(points[-1] + direction * step)
    curve(canvas, points, width)
    if generations <= 1:
        return
    for _ in range(int(rng.integers(1, 4))):
        fork = points[int(rng.integers(2, len(points)))]
        turn = (rng.random(2) - 0.5) * 2.4
        _branch(rng, canvas, fork, direction + turn, width * 0.6, step * 0.75,
                generations - 1)  # fmt: skip
