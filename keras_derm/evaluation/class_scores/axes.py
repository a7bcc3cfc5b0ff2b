"""The variables by which a catalog's images are judged."""

import numpy as np
import pandas as pd

from keras_derm.evaluation.class_scores.photograph_colour import photograph_colour
from keras_derm.evaluation.class_scores.subgroups import TONE, tone_group_strata

AGE_BANDS = {"under 30": 0, "30 to 49": 30, "50 to 69": 50, "70 and over": 70}
CONTRAST_BANDS = ("low", "middle", "high")
CROSSED = " x "
AXES = (
    TONE,
    "sex",
    "age_band",
    "anatom_site_general",
    "source",
    "contrast_band",
    "photograph_colour",
    f"{TONE}{CROSSED}sex",
)
MIX = ("diagnosis", "anatom_site_general", "age_band")
"""What groups of people may differ in besides what a model makes of them."""


def catalog_axes(table, axes=AXES, contrast_edges=None):
    """Take variables from a catalog's table, for `build_strata`.

    Args:
        table: `Catalog.table` of the images.
        axes: names of columns, `age_band`, `contrast_band`, `photograph_colour`, or
            two of these crossed: `"tone_group x sex"`. An axis is left out where the
            table lacks its column or all its values are the same or missing, a
            crossed one where it is so of a part; `tone_group` never is, since absent
            tones are news.
        contrast_edges: what `contrast_edges` returned; without it there is no
            `contrast_band`.

    Returns:
        Dict from axis to an array of shape `(n,)`.
    """
    found = {}
    for axis in axes:
        parts = [_axis(table, part, contrast_edges) for part in axis.split(CROSSED)]
        if axis == TONE and parts[0] is not None:
            found[axis] = parts[0]
        elif all(part is not None and pd.Series(part).nunique() > 1 for part in parts):
            found[axis] = parts[0] if len(parts) == 1 else _cross(*parts)
    return found


def catalog_mix(table):
    """Take from a catalog's table the variables that groups are given one mix of.

    Args:
        table: `Catalog.table` of the images.

    Returns:
        Dict from `diagnosis`, and `anatom_site_general` and `age_band` where they are
        known, to an array of shape `(n,)`.
    """
    found = {name: _axis(table, name, None) for name in MIX}
    return {name: values for name, values in found.items() if values is not None}


def contrast_edges(table):
    """Find the terciles of lesion-to-skin contrast, on training and validation rows.

    Args:
        table: `Catalog.table` with the columns `contrast` (CIEDE2000 between skin
            and lesion, as the audit measures it) and `split`.

    Returns:
        Two floats between low, middle and high, or None without measured contrast.
    """
    if "contrast" not in table:
        return None
    seen = table.loc[table["split"].isin(["train", "val"]), "contrast"]
    seen = seen.astype("float64").dropna()
    return seen.quantile([1 / 3, 2 / 3]).tolist() if len(seen) else None


def _axis(table, name, edges):
    if name == "age_band" and "age_approx" in table:
        return _bands(table["age_approx"], list(AGE_BANDS.values())[1:], AGE_BANDS)
    if name == "contrast_band" and "contrast" in table and edges is not None:
        return _bands(table["contrast"], edges, CONTRAST_BANDS)
    if name == "photograph_colour" and {"ita", "ita_type"} <= set(table):
        return photograph_colour(table["ita"], table["ita_type"])
    if name == TONE and name in table:
        return tone_group_strata(table[name])
    return table[name].array if name in table else None


def _bands(values, edges, labels):
    """Ordered categorical; a value on an edge belongs to the band above it."""
    limits = [-np.inf, *edges, np.inf]
    values = values.astype("float64")
    return pd.cut(values, limits, right=False, labels=list(labels)).array


def _cross(first, second):
    """Every pair of levels, also those without images; missing where one part is."""
    first, second = pd.Categorical(first), pd.Categorical(second)
    levels = [f"{a}, {b}" for a in first.categories for b in second.categories]
    codes = first.codes.astype(int) * len(second.categories) + second.codes
    missing = (first.codes < 0) | (second.codes < 0)
    return pd.Categorical.from_codes(np.where(missing, -1, codes), levels)
