"""Which sets of made images may join a training set: did the generator learn them?"""

import numpy as np
import pandas as pd
from rich.progress import track

from keras_derm.generative.conditions import condition_names
from keras_derm.generative.screening.criteria import MIN_REFERENCE
from keras_derm.generative.screening.set_criteria import (
    BLURRED_OR_NOISY,
    SET_CRITERIA,
    ImageSet,
    measure_set,
)

MIN_SET = 20
"""Least number of made images of a cell that are judged apart from the others."""

LEAST_PASSED = 0.1
"""Share of a set that must pass alone: the rest of fewer was chosen, not learned."""

MOST_IMAGES = 200
"""Images of a set, made and real, that are measured, for speed."""

ALL = "all"


def screen_sets(
    images,
    conditions,
    accepted,
    reference_images,
    reference_conditions,
    seed=0,
    features=None,
):
    """Decide of every set of made images whether the generator learned to make it.

    A set is a cell (diagnosis and tone group) with 20 made and 20 real images. Other
    images make a set of their diagnosis, where that has as many, and else one set with
    all that are left, compared with all real images. The images of it that pass alone
    are measured as `measure_set` does. A set fails by any measure beyond its limit, and
    where fewer than a tenth of its images pass alone, in which case all of them are
    measured, to say why; then none of it is to be kept.

    Args:
        images: Made images, uint8 (n, side, side, 3), RGB.
        conditions: Integers (n, 2): diagnosis and tone-group index.
        accepted: bool (n,), which pass alone, see `screen`.
        reference_images: All real training images, uint8 (m, side, side, 3).
        reference_conditions: Integers (m, 2).
        seed: Seed of what is drawn.
        features: Function of images to features (n, d) of a network; by default
            colours, textures and pixels at 16 x 16 are compared.

    Returns:
        Tuple of a `pandas.DataFrame`, one row a set, and of the set of each image, its
        row, integers (n,). Columns: `set` (in words), `compared_with` ("cell",
        "diagnosis" or "all"), `images`, `passed_alone`, `real_images`, `passed` (bool),
        `reason` (text, empty where passed), and the measures with their limits.
    """
    conditions, reference_conditions = (
        np.asarray(one, int).reshape(-1, 2)
        for one in (conditions, reference_conditions)
    )
    keys = _keys(conditions, reference_conditions)
    names = list(dict.fromkeys(keys))
    which = np.array([names.index(key) for key in keys], int)
    generator = np.random.default_rng(seed)
    rows = []
    for number, key in enumerate(track(names, "Screening sets")):
        in_set = which == number
        passed = np.flatnonzero(in_set & np.asarray(accepted, bool))
        few = len(passed) < max(1, LEAST_PASSED * in_set.sum())
        measured = np.flatnonzero(in_set) if few else passed
        real = np.flatnonzero(_of_key(reference_conditions, key))
        parts = []
        for source, chosen in ((images, measured), (reference_images, real)):
            drawn = source[np.sort(generator.permutation(chosen)[:MOST_IMAGES])]
            parts.append(ImageSet(drawn, features and features(drawn)))
        row = {
            "set": _said(key),
            "compared_with": (ALL, "diagnosis", "cell")[len(key)],
            "images": int(in_set.sum()),
            "passed_alone": len(passed),
            "real_images": len(real),
            **measure_set(*parts, seed),
        }
        rows.append(row | {"reason": _reason(row, few)})
    first = ["set", "compared_with", "images", "passed_alone", "real_images"]
    measures = [
        name for one in SET_CRITERIA for name in (one.name, f"{one.name}_limit")
    ]
    columns = [*first, "passed", "reason", *measures, "sharpness"]
    table = pd.DataFrame(rows, columns=columns)
    table["passed"] = table["reason"] == ""
    return table, which


def _keys(conditions, reference_conditions):
    """The set of each image: its cell, its diagnosis alone, or (), a list of tuples."""
    keys = [()] * len(conditions)
    for length in (2, 1):
        left = np.array([key == () for key in keys], bool)
        for key in np.unique(conditions[left, :length], axis=0):
            rows = np.flatnonzero(left & _of_key(conditions, key))
            real = _of_key(reference_conditions, key).sum()
            if len(rows) >= MIN_SET and real >= MIN_REFERENCE:
                for row in rows:
                    keys[row] = tuple(int(one) for one in key)
    return keys


def _of_key(conditions, key):
    return (conditions[:, : len(key)] == np.asarray(key, int)).all(axis=1)


def _said(key):
    if not len(key):
        return "the other cells"
    ((diagnosis, tone),) = condition_names([(*key, 0)[:2]])
    return (
        f"{diagnosis}, tone {tone}" if len(key) == 2 else f"{diagnosis}, tones together"
    )


def _reason(row, few):
    """Every reason for which a set fails, as one text; `few` of it pass alone."""
    found = [f"{row['passed_alone']} of {row['images']} pass alone"] if few else []
    for one in SET_CRITERIA:
        value, limit = row[one.name], row[f"{one.name}_limit"]
        if one.of_a_cell and row["compared_with"] != "cell":
            continue
        if one.fails(value, limit):
            fault, sign = one.fault, "<" if one.is_ratio else ">"
            if fault == BLURRED_OR_NOISY:
                fault = "blurred" if row["sharpness"] < 0 else "noisy"
            name = one.name.replace("_", " ")
            found.append(f"{fault}: {name} {value:.3g} {sign} {limit:.3g}")
    return "; ".join(found)
