"""Random fields that have the same bits on every machine.

Only arithmetic that IEEE 754 defines exactly is used on pixels (+, -, *, /, square
root, comparison) and OpenCV's bit-exact integer paths; libraries compute exp, sin or
a float convolution differently from processor to processor.
"""

import cv2
import numpy as np

LEVELS = 65535


def generator(*key):
    """Random generator of a tuple of non-negative integers, the same everywhere."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))


def blur(field, sigma):
    """Gaussian blur of a field in [0, 1] through 16-bit integers.

    Args:
        field: float32 array; values outside [0, 1] are clipped.
        sigma: Standard deviation in pixels; 0 returns the field.
    """
    if sigma <= 0:
        return field
    steps = (np.clip(field, 0, 1) * LEVELS + 0.5).astype(np.uint16)
    return _to_float(cv2.GaussianBlur(steps, (0, 0), round(float(sigma), 3)))


def noise(rng, size, scale):
    """Smooth noise of mean 0 and standard deviation 1.

    Args:
        rng: NumPy generator.
        size: Height and width in pixels.
        scale: Size of the blobs in pixels.

    Returns:
        float32 array (size, size).
    """
    coarse = max(1, int(scale // 4))
    width = -(-size // coarse)
    cell = max(1, round(scale / coarse))
    cells = max(2, -(-width // cell) + 1)
    grid = rng.integers(0, LEVELS + 1, (cells, cells), dtype=np.uint16)
    full = cells * cell
    grid = cv2.resize(grid, (full, full), interpolation=cv2.INTER_LINEAR_EXACT)
    grid = cv2.GaussianBlur(grid, (0, 0), 0.45 * cell + 0.1)[:width, :width]
    grid = cv2.resize(grid, (size, size), interpolation=cv2.INTER_LINEAR_EXACT)
    return _standardise(np.ascontiguousarray(grid))


def fractal_noise(rng, size, scale, octaves=3, gain=0.55):
    """Sum of `noise` at `scale`, `scale / 2`, ..., standard deviation 1."""
    total, power, weight = 0.0, 0.0, 1.0
    for octave in range(octaves):
        total = total + weight * noise(rng, size, max(scale / 2**octave, 1.0))
        power, weight = power + weight**2, weight * gain
    return total / np.float32(power**0.5)


def smoothstep(field, low, high):
    """Cubic step from 0 at `low` to 1 at `high` (which may be below `low`)."""
    share = np.clip((field - np.float32(low)) / np.float32(high - low), 0, 1)
    return share * share * (3 - 2 * share)


def cell_walls(rng, size, pitch, jitter):
    """Walls between the cells of a jittered hexagonal lattice.

    Args:
        rng: NumPy generator.
        size: Height and width in pixels.
        pitch: Distance of neighbouring cells in pixels, at least 2.
        jitter: Displacement of the cells' centres as a share of the pitch, 0-1.

    Returns:
        float32 array (size, size): 0 at the centres, about 1 in the middle of a wall
        and above 1 where walls meet.
    """
    rows = int(size / (0.866 * pitch)) + 3
    columns = int(size / pitch) + 3
    row, column = np.mgrid[0:rows, 0:columns]
    shift = (rng.random((2, rows, columns)) - 0.5) * jitter
    y = ((row - 1 + shift[0]) * 0.866 * pitch).astype(int).ravel()
    x = ((column - 1 + 0.5 * (row % 2) + shift[1]) * pitch).astype(int).ravel()
    inside = (y >= 0) & (y < size) & (x >= 0) & (x < size)
    seeds = np.ones((size, size), np.uint8)
    seeds[y[inside], x[inside]] = 0
    distance = cv2.distanceTransform(seeds, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.round(distance * (32 / pitch)) / np.float32(16)


def spots(size, centres, radii, shift=4):
    """Anti-aliased discs as a float32 coverage map in [0, 1]."""
    canvas = np.zeros((size, size), np.uint8)
    fixed = np.round(np.asarray(centres) * 2**shift).astype(int)
    steps = np.maximum(np.round(np.asarray(radii) * 2**shift).astype(int), 1)
    for (x, y), radius in zip(fixed.tolist(), steps.tolist(), strict=True):
        cv2.circle(canvas, (x, y), radius, 255, -1, cv2.LINE_AA, shift)
    return canvas.astype(np.float32) / np.float32(255)


def curve(canvas, points, width, value=255, shift=4):
    """Draw an anti-aliased polyline on a uint8 canvas, with sub-pixel widths.

    A line thinner than a pixel is drawn one pixel wide and fainter.
    """
    fixed = np.round(np.asarray(points) * 2**shift).astype(np.int32)
    strength = int(round(value * min(1.0, max(width, 0.25))))
    thickness = max(1, int(round(width)))
    if strength == 255:
        cv2.polylines(canvas, [fixed], False, 255, thickness, cv2.LINE_AA, shift)
        return
    layer = np.zeros_like(canvas)
    cv2.polylines(layer, [fixed], False, strength, thickness, cv2.LINE_AA, shift)
    np.maximum(canvas, layer, out=canvas)


def scattered_points(rng, weight, count):
    """Up to `count` pixel positions (x, y) drawn with probability ~ `weight`."""
    steps = np.cumsum((np.clip(weight, 0, 1).ravel() * 255).astype(np.int64))
    if count < 1 or steps[-1] < 1:
        return np.zeros((0, 2))
    picks = np.searchsorted(steps, rng.integers(0, steps[-1], count), side="right")
    y, x = np.divmod(picks, weight.shape[1])
    return np.stack([x, y], axis=1) + rng.random((count, 2)) - 0.5


def _to_float(steps):
    return steps.astype(np.float32) / np.float32(LEVELS)


def _standardise(steps):
    # Integer sums: a float sum's rounding depends on the processor's vector width.
    whole = steps.astype(np.int64)
    mean = int(whole.sum()) / whole.size
    variance = int((whole * whole).sum()) / whole.size - mean * mean
    return ((whole - mean) / max(variance, 1.0) ** 0.5).astype(np.float32)
