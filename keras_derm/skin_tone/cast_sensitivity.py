"""How far a small colour cast of the camera moves the measured skin tone."""

import numpy as np
import pandas as pd
from rich.progress import track

from keras_derm.colour import LINEAR
from keras_derm.skin_tone.individual_typology_angle import (
    IndividualTypologyAngle,
    angle_difference,
)
from keras_derm.skin_tone.photographs import Photograph
from keras_derm.skin_tone.thresholds import UNDETERMINED

CASTS = {
    "warmer": (1.05, 1.00, 0.95),
    "cooler": (0.95, 1.00, 1.05),
    "greener": (0.97, 1.05, 0.97),
    "pinker": (1.03, 0.95, 1.03),
    "brighter": (1.10, 1.10, 1.10),
    "darker": (0.90, 0.90, 0.90),
}
"""Gains on linear red, green and blue: what two cameras, or two settings of one,
differ by."""


def cast_sensitivity(catalog, rule="quadrant", thresholds="del_bino", n=100, seed=0):
    """Measure some photographs again under small colour casts.

    Args:
        catalog: `keras_derm.catalog.Catalog`.
        rule, thresholds: As in `IndividualTypologyAngle`.
        n, seed: Number of photographs, drawn without replacement, and seed of the draw.

    Returns:
        `pandas.DataFrame`, one row for each cast of `CASTS`: `images` (measurable
        before and after), `median_change` and `p95_absolute_change` in degrees,
        `share_of_type_changed`, and `became_undetermined` (share of the measurable).
    """
    estimator = IndividualTypologyAngle(rule, thresholds)
    generator = np.random.default_rng(seed)
    rows = generator.permutation(len(catalog))[:n]
    paths, mask_paths = list(catalog.paths), list(catalog.mask_paths)
    changes = {name: [] for name in CASTS}
    for row in track(rows, "Colour casts", transient=True):
        photograph = Photograph.read(paths[row], mask_paths[row])
        before = estimator.measure_photograph(photograph)
        if before["ita_type"] == UNDETERMINED:
            continue
        for name, gains in CASTS.items():
            image = _with_cast(photograph.image, gains)
            after = estimator.measure(image, photograph.lesion)
            changes[name].append((before, after))
    rows = [{"cast": name, **_summary(pairs)} for name, pairs in changes.items()]
    return pd.DataFrame(rows)


def _with_cast(image, gains):
    """Return the photograph under another light, uint8, cut at white."""
    result = np.empty_like(image)
    for channel, gain in enumerate(gains):
        light = np.clip(LINEAR * gain, 0, 1)
        root = 1.055 * light ** (1 / 2.4) - 0.055
        coded = np.where(light <= 0.0031308, 12.92 * light, root)
        table = np.round(255 * coded).astype("uint8")
        result[..., channel] = table[image[..., channel]]
    return result


def _summary(pairs):
    kept = [(a, b) for a, b in pairs if b["ita_type"] != UNDETERMINED]
    if not kept:
        return dict.fromkeys(
            ("median_change", "p95_absolute_change", "share_of_type_changed"), np.nan
        ) | {"images": 0, "became_undetermined": 1.0 if pairs else np.nan}
    change = np.array([angle_difference(b["ita"], a["ita"]) for a, b in kept])
    moved = [a["ita_type"] != b["ita_type"] for a, b in kept]
    return {
        "images": len(kept),
        "median_change": float(np.median(change)),
        "p95_absolute_change": float(np.percentile(np.abs(change), 95)),
        "share_of_type_changed": float(np.mean(moved)),
        "became_undetermined": 1 - len(kept) / len(pairs),
    }
