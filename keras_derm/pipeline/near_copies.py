"""Which photographs of a catalog are one, by their pixels: resized, turned, cropped."""

import cv2
import numpy as np
import pandas as pd
from rich.progress import track
from scipy.fft import dctn

from keras_derm.catalog import read_image
from keras_derm.catalog.duplicates import NEAR, SAME_PIXELS, identical_pairs
from keras_derm.cluster.work import work_on_each

SIDE = 64
"""Side of the grey thumbnails that are compared, in pixels."""

N_WAVES = 16
"""Waves across the thumbnail, in each direction, by which pairs are looked for."""

FAR, UNLIKE = 0.42, 0.8
"""Distance of the waves' strengths, and their correlation, beyond which a pair is not
looked at closer."""

DOUBTFUL, ALIKE = 0.9, 0.95
"""Correlation of the details of two thumbnails, one laid upon the other, from which a
person should look, and from which they count as one photograph. These limits, and those
above, are held against made copies by benchmarks/duplicates.py."""

FLAT = 2.0
"""Standard deviation of a thumbnail's grey levels below which it shows nothing."""

MOST_NEIGHBOURS = 50
"""Pairs of one photograph that are looked at closer, the nearest first."""

_BLOCK = 1024
_PERHAPS_EQUAL = 0.999
_PATCH, _REACH, _STEP = 16, 4, 10
"""Sides of the patches that are looked for, how far, and their distance, in pixels."""

TURNS = (
    "as it is",
    "mirrored",
    "turned by 90 degrees",
    "turned by 90 degrees and mirrored",
    "turned by 180 degrees",
    "turned by 180 degrees and mirrored",
    "turned by 270 degrees",
    "turned by 270 degrees and mirrored",
)


def find_copies(catalog):
    """Find the photographs of a catalog that are one, by their files and their pixels.

    Args:
        catalog: `Catalog` whose images were checked.

    Returns:
        `pandas.DataFrame`, one row a pair, the most alike first: `first` and `second`
        (ids), `kind` ("same file": equal byte for byte; "same pixels": equal when
        decoded; "near": resized, compressed, turned, mirrored, a little cropped or of
        other light), `similarity`, `turn`, and `is_copy`, which is False where a person
        should look. Of equal files each is paired with the first alone.

    Raises:
        ImageError: If a photograph cannot be read.

    Example:
        >>> pairs = find_copies(read_data_source("ham10000:/data/HAM10000"))
        >>> catalog = catalog.with_columns(duplicate_group=copy_groups(catalog, pairs))
    """
    equal, rows = identical_pairs(catalog)
    paths = np.array(catalog.paths, object)[rows]
    near = near_copies(thumbnails(paths))
    same = [
        similarity > _PERHAPS_EQUAL and turn == TURNS[0] and _equal(paths[i], paths[j])
        for i, j, similarity, turn in near.itertuples(index=False)
    ]
    ids = catalog.table["isic_id"].to_numpy()[rows]
    near = near.assign(
        first=ids[near["first"]],
        second=ids[near["second"]],
        kind=np.where(same, SAME_PIXELS, NEAR),
        is_copy=near["similarity"] >= ALIKE,
    )
    equal = equal.assign(turn=TURNS[0], is_copy=True)
    columns = ["first", "second", "kind", "similarity", "turn", "is_copy"]
    parts = [part[columns] for part in (equal, near) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else equal[columns]


def _equal(path, other):
    return np.array_equal(read_image(path), read_image(other))


def thumbnails(paths):
    """Read photographs as small grey squares, with a progress bar.

    Args:
        paths: Image files.

    Returns:
        uint8 array `(n, 64, 64)`.

    Raises:
        ImageError: If a photograph cannot be read.
    """
    what = "Reading photographs"
    found = work_on_each(_read_thumbnail, paths, what, on_threads=True)
    return np.array(list(found), np.uint8).reshape(-1, SIDE, SIDE)


def near_copies(images):
    """Find the pairs of thumbnails that show one photograph.

    Pairs are looked for by the strengths of the 16 x 16 lowest waves of the cosine
    transform, which are the same for all eight turns and mirrorings of a picture: the
    distances of n pictures take n * n / 2 products of 272 numbers. A pair that is near
    is turned alike, its patches are looked for a few pixels around their place, the
    second thumbnail is laid upon the first by where they were found, and the details
    are correlated. Pictures without any contrast are copies of none.

    Args:
        images: uint8 array `(n, 64, 64)`, what `thumbnails` gives.

    Returns:
        `pandas.DataFrame`, one row a pair, the most alike first: `first` and `second`
        (positions in `images`, first < second), `similarity` in [0.9, 1] (`ALIKE` and
        more: copies; less: doubtful), and `turn`, what of `TURNS` was done to the
        second to lay it upon the first.
    """
    shows = np.flatnonzero(images.std(axis=(1, 2)) >= FLAT)
    waves = _waves(images[shows])
    first, second = _neighbours(_strengths(waves))
    turns, likeness = _best_turns(waves, first, second)
    close = np.flatnonzero(likeness >= UNLIKE)
    first, second, turns = shows[first[close]], shows[second[close]], turns[close]
    pairs = (
        (images[one], images[other], turn)
        for one, other, turn in zip(first, second, turns, strict=True)
    )
    found = work_on_each(
        _similarity_of, pairs, "Comparing pairs", len(close), on_threads=True
    )
    similarity = np.array(list(found), float)
    table = pd.DataFrame(
        {
            "first": first,
            "second": second,
            "similarity": similarity,
            "turn": np.array(TURNS, object)[turns],
        }
    )
    table = table[table["similarity"] >= DOUBTFUL]
    order = ["similarity", "first", "second"]
    return table.sort_values(order, ascending=[False, True, True], ignore_index=True)


def turned(image, turn):
    """An image as `TURNS[turn]` says: turned counterclockwise, then mirrored."""
    image = np.rot90(image, turn // 2)
    return np.ascontiguousarray(image[:, ::-1] if turn % 2 else image)


def thumbnail(image):
    """A photograph (uint8 RGB of any size) as a grey square, uint8 `(64, 64)`."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def _read_thumbnail(path):
    # Twice the side, so that halving a JPEG while it is decoded changes no detail.
    return thumbnail(read_image(path, 2 * SIDE))


def _waves(images):
    """Lowest waves of each image, float32 `(n, 16, 16)`, of norm 1.

    Waves count by their number, as pictures hold less of the shorter ones.
    """
    numbers = np.arange(N_WAVES)
    weights = np.hypot(*np.meshgrid(numbers, numbers)).astype(np.float32)
    found = np.empty((len(images), N_WAVES, N_WAVES), np.float32)
    for start in range(0, len(images), _BLOCK):
        block = images[start : start + _BLOCK].astype(np.float32)
        waves = dctn(block, axes=(1, 2), norm="ortho")[:, :N_WAVES, :N_WAVES]
        found[start : start + _BLOCK] = waves * weights
    return found / np.linalg.norm(found, axis=(1, 2), keepdims=True)


def _strengths(waves):
    """What of the waves is the same for all turns: float32 `(n, 272)`, of norm 1.

    Mirroring changes signs alone, and a turn by 90 degrees exchanges rows and columns.
    """
    strong = np.abs(waves)
    rows, columns = np.triu_indices(N_WAVES)
    one, other = strong[:, rows, columns], strong[:, columns, rows]
    both = np.concatenate([one + other, np.abs(one - other)], axis=1)
    # The diagonal stands for one wave, not for two.
    both[:, : len(rows)][:, rows == columns] /= np.sqrt(2)
    return both / np.linalg.norm(both, axis=1, keepdims=True)


def _neighbours(strengths):
    """Positions of the pairs that are nearer than `FAR`: two arrays, first < second."""
    least = 1 - FAR**2 / 2  # of the product of two vectors of norm 1
    n, firsts, seconds = len(strengths), [], []
    starts = range(0, n, _BLOCK)
    for start in track(starts, "Looking for near pairs", transient=True):
        products = strengths[start : start + _BLOCK] @ strengths[start:].T
        products[np.tril_indices(len(products), 0, products.shape[1])] = -1
        crowded = np.flatnonzero((products >= least).sum(axis=1) > MOST_NEIGHBOURS)
        for row in crowded:
            order = np.argpartition(-products[row], MOST_NEIGHBOURS)
            products[row, order[MOST_NEIGHBOURS:]] = -1
        first, second = np.nonzero(products >= least)
        firsts.append(first + start)
        seconds.append(second + start)
    return tuple(
        np.concatenate(each) if each else np.zeros(0, int) for each in (firsts, seconds)
    )


def _best_turns(waves, first, second):
    """Turn of the second of each pair that fits best, and the correlation then."""
    turns, likeness = np.zeros(len(first), int), np.zeros(len(first))
    for start in range(0, len(first), _BLOCK):
        part = slice(start, start + _BLOCK)
        one, other = waves[first[part]], waves[second[part]]
        fits = [
            (one * _turned_waves(other, turn)).sum(axis=(1, 2)) for turn in range(8)
        ]
        turns[part], likeness[part] = np.argmax(fits, axis=0), np.max(fits, axis=0)
    return turns, likeness


def _turned_waves(waves, turn):
    """The waves of what `turned` makes of their images."""
    signs = (-1.0) ** np.arange(N_WAVES)
    for _ in range(turn // 2):  # rows and columns exchanged, then upside down
        waves = waves.transpose(0, 2, 1) * signs[:, None]
    return waves * signs if turn % 2 else waves


def _similarity_of(pair):
    one, other, turn = pair
    return _similarity(one, turned(other, turn))


def _similarity(one, other):
    """Correlation of the details of two thumbnails, one laid upon the other."""
    one, other = _details(one), _details(other)
    places, shifts, weights = _found_patches(one, other)
    as_is = _correlation(one, other, np.ones(one.shape, bool))
    if not weights.any():
        return as_is
    # Where each patch was found, as an affine function of where it was.
    design = np.column_stack([places, np.ones(len(places))]) * weights[:, None]
    moved = (places + shifts) * weights[:, None]
    affine = np.linalg.lstsq(design, moved, rcond=None)[0].T.astype(np.float32)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(other, affine, one.shape, flags=flags)
    inside = cv2.warpAffine(np.ones_like(one), affine, one.shape, flags=flags) > 0.999
    if inside.mean() < 0.5:
        return as_is
    return max(as_is, _correlation(one, laid, inside))


def _details(image):
    """An image without its coarse light and dark, and without pixel noise."""
    image = image.astype(np.float32)
    fine, coarse = (cv2.GaussianBlur(image, (0, 0), sigma) for sigma in (0.7, 3.0))
    return fine - coarse


def _found_patches(one, other):
    """Centres of the patches of an image, how far off they are in another, and weights.

    A patch weighs by its contrast and by how well it was found.
    """
    places, shifts, weights = [], [], []
    for y in range(_REACH, SIDE - _REACH - _PATCH + 1, _STEP):
        for x in range(_REACH, SIDE - _REACH - _PATCH + 1, _STEP):
            patch = one[y : y + _PATCH, x : x + _PATCH]
            window = other[
                y - _REACH : y + _PATCH + _REACH, x - _REACH : x + _PATCH + _REACH
            ]
            fits = cv2.matchTemplate(window, patch, cv2.TM_CCOEFF_NORMED)
            _, best, _, (column, row) = cv2.minMaxLoc(fits)
            places.append((x + _PATCH / 2 - 0.5, y + _PATCH / 2 - 0.5))
            shifts.append(_peak(fits, row, column))
            weights.append(max(best, 0) ** 4 * cv2.norm(patch))
    return np.array(places), np.array(shifts), np.array(weights)


def _peak(fits, row, column):
    """Place (x, y) of the peak beside a highest value, by a parabola; 0 is no shift."""
    place = []
    for i, line in ((column, fits[row]), (row, fits[:, column])):
        shift = 0.0
        if 0 < i < len(line) - 1:
            before, at, after = line[i - 1 : i + 2]
            bend = before - 2 * at + after
            shift = 0.5 * (before - after) / bend if bend < 0 else 0.0
        place.append(i + shift - _REACH)
    return place


def _correlation(one, other, inside):
    one, other = one[inside], other[inside]
    one, other = one - one.mean(), other - other.mean()
    norm = np.sqrt((one * one).sum() * (other * other).sum())
    return float((one * other).sum() / norm) if norm > 0 else 0.0
