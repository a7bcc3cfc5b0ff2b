"""Counts: people by tone group, photographs by colour."""

import pandas as pd

from keras_derm.catalog import DIAGNOSES, FITZPATRICK_TYPES, TONE_GROUPS
from keras_derm.skin_tone.thresholds import UNDETERMINED

UNKNOWN = "unknown"
_TYPES = (*FITZPATRICK_TYPES, UNDETERMINED)


def tone_table(catalog):
    """Count photographs by diagnosis and tone group of the person.

    Args:
        catalog: `keras_derm.catalog.Catalog`.

    Returns:
        `pandas.DataFrame` of int: one row for each diagnosis that occurs, and
        `"total"`; columns `light`, `medium`, `dark`, `unknown`, `total`.
    """
    groups = catalog.table["tone_group"].fillna(UNKNOWN)
    return _by_diagnosis(catalog, groups, [*TONE_GROUPS, UNKNOWN], "tone group")


def colour_table(catalog):
    """Count photographs by diagnosis and ITA type, as Table 1 of lora_diffusion.

    It is a table of the colour of photographs. Where these are dermoscopy it says
    nothing of the tone of people (docs/skin_tone.md).

    Args:
        catalog: `keras_derm.catalog.Catalog` with the column `ita_type` filled, e.g.
            `catalog.with_columns(ita_type=measure(catalog)["ita_type"])`. Empty
            values count as undetermined.

    Returns:
        `pandas.DataFrame` of int: one row for each diagnosis that occurs, and
        `"total"`; columns `I` to `VI`, `undetermined`, `total`.
    """
    types = catalog.table["ita_type"].fillna(UNDETERMINED)
    return _by_diagnosis(catalog, types, list(_TYPES), "ITA type")


def _by_diagnosis(catalog, values, columns, name):
    diagnoses = catalog.table["diagnosis"].astype(str)
    counts = pd.crosstab(diagnoses, values.astype(str))
    present = [diagnosis for diagnosis in DIAGNOSES if diagnosis in counts.index]
    counts = counts.reindex(index=present, columns=columns, fill_value=0)
    counts["total"] = counts.sum(axis=1)
    counts.loc["total"] = counts.sum(axis=0)
    return counts.rename_axis(index="diagnosis", columns=name)


def rule_disagreement(default, published):
    """Compare the ITA types that two rules give to the same photographs.

    Args:
        default: Frame of `measure(catalog, rule="quadrant")`.
        published: Frame of `measure(catalog, rule="published")`, same index.

    Returns:
        Tuple of the cross table (rows: default, columns: published, `ita_type` of
        each) and a dict of counts: `images`; `both_determined`; `disagree` (among
        these); `published_dark` (V or VI); `published_dark_but_bright` (of these,
        L* > 50 and b* < 0: the sign of arctan); `default_dark`.
    """
    if not default.index.equals(published.index):
        raise ValueError(
            "The two frames must measure the same images. Received: indices of "
            f"{len(default)} and {len(published)} rows that differ"
        )
    first, second = default["ita_type"], published["ita_type"]
    both = (first != UNDETERMINED) & (second != UNDETERMINED)
    dark = second.isin(["V", "VI"])
    bright = (published["lightness"] > 50) & (published["b"] < 0)
    counts = {
        "images": len(first),
        "both_determined": int(both.sum()),
        "disagree": int((both & (first != second)).sum()),
        "published_dark": int(dark.sum()),
        "published_dark_but_bright": int((dark & bright).sum()),
        "default_dark": int(first.isin(["V", "VI"]).sum()),
    }
    table = pd.crosstab(first, second)
    table = table.reindex(index=list(_TYPES), columns=list(_TYPES), fill_value=0)
    return table.rename_axis(index="default", columns="published"), counts
