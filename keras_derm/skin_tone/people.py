"""The skin tone of people: by label, clinical photograph or estimate, or unknown."""

import numpy as np
import pandas as pd

from keras_derm.catalog import CLINICAL_TYPES
from keras_derm.catalog.catalog import LABELLED
from keras_derm.skin_tone.measure import measure

SAME_SKIN = ("lesion_id", "patient_id")
"""Columns that say that two photographs show the same skin, the nearer first."""


def tone_of_people(catalog, estimates=None):
    """Give every photograph the tone group of its person, and where that comes from.

    In this order: a person's label; the estimate on a clinical photograph of the same
    lesion, or else of the same patient; the estimate on the photograph itself. Where
    none names a group, the person's tone stays unknown.

    Args:
        catalog: `keras_derm.catalog.Catalog`.
        estimates: Frame of estimates with the index of `catalog.table`: `group`, and
            `estimator`, the name of the one that made it; None for labels alone.

    Returns:
        The `Catalog` with `tone_group` and `tone_source` filled: "label", the name of
        an estimator, or "NAME, clinical photograph of the lesion" (or patient).
    """
    table = catalog.table
    labelled = table["tone_source"].eq(LABELLED).fillna(False)
    group = table["tone_group"].where(labelled)
    source = table["tone_source"].where(labelled)
    if estimates is not None:
        for found, name in _by_estimate(table, estimates):
            group, source = group.fillna(found), source.fillna(name)
    return catalog.with_columns(tone_group=group, tone_source=source)


def _by_estimate(table, estimates):
    """Tuples of groups and sources, the ones to be believed first."""
    group = estimates["group"].astype("string")
    name = estimates["estimator"].astype("string").where(group.notna())
    clinical = table["image_type"].isin(CLINICAL_TYPES)
    for column in SAME_SKIN:
        seen = pd.DataFrame({"of": table[column], "group": group, "name": name})[
            clinical & group.notna()
        ].dropna(subset="of")
        # Photographs that disagree say nothing.
        agreed = seen.groupby("of")["group"].nunique().eq(1)
        first = seen.drop_duplicates("of").set_index("of")[agreed]
        what = column.removesuffix("_id")
        told = first["name"] + f", clinical photograph of the {what}"
        others = ~clinical
        yield (
            table[column].map(first["group"]).where(others).astype("string"),
            table[column].map(told).where(others).astype("string"),
        )
    yield group, name


def chosen_estimates(catalog, found, estimators):
    """The estimate of each photograph by the estimator that is made for its type.

    Args:
        catalog: `keras_derm.catalog.Catalog`.
        found: What `estimate` gave.
        estimators: The `ToneEstimator`s, the ones to be preferred first.

    Returns:
        `pandas.DataFrame` as `tone_of_people` takes it, with all columns of estimates.
    """
    types = catalog.table["image_type"]
    chosen = None
    for one in estimators:
        own = found[one.name].assign(estimator=one.name)
        if one.image_types:
            own = own.where(types.isin(one.image_types).fillna(False))
        chosen = own if chosen is None else chosen.where(chosen["value"].notna(), own)
    return chosen


def clinical_photographs(everything, catalog):
    """The clinical photographs of the lesions and patients of a catalog, beside it.

    Args:
        everything: `keras_derm.catalog.Catalog` of all photographs of an archive.
        catalog: Those of it that were chosen.

    Returns:
        The `Catalog` of those that were not chosen and show the same skin.
    """
    table, chosen = everything.table, catalog.table
    same = pd.Series(False, index=table.index)
    for column in SAME_SKIN:
        same |= table[column].isin(chosen[column].dropna())
    beside = ~table["isic_id"].isin(chosen["isic_id"])
    mask = same & beside & table["image_type"].isin(CLINICAL_TYPES)
    return everything.where(mask.to_numpy(bool))


def of_clinical_twin(catalog, estimates):
    """Give each other photograph the estimate on the close-up of the same lesion.

    Args:
        catalog: `keras_derm.catalog.Catalog`.
        estimates: Frame of estimates with the index of `catalog.table`.

    Returns:
        Frame of the same columns: rows of photographs that are clinical themselves, or
        whose lesion has no clinical photograph, are empty.
    """
    table = catalog.table
    clinical = table["image_type"].isin(CLINICAL_TYPES) & table["lesion_id"].notna()
    of_lesion = estimates[clinical].assign(of=table.loc[clinical, "lesion_id"])
    of_lesion = of_lesion.sort_values("of", kind="stable").drop_duplicates("of")
    of_lesion = of_lesion.set_index("of").reindex(table["lesion_id"].fillna(""))
    found = of_lesion.set_axis(table.index)
    found.loc[table["image_type"].isin(CLINICAL_TYPES)] = np.nan
    return found.assign(scale=estimates["scale"].iloc[0])


def colours_of_twins(everything, catalog):
    """CIELAB of the skin in the clinical photograph of each lesion, standardised.

    Args:
        everything: `keras_derm.catalog.Catalog` of all photographs of an archive.
        catalog: Those of it that are not clinical.

    Returns:
        float32 array (n, 3), NaN where there is none; by mean and deviation over the
        rows of `catalog` in train. (n, 0) where no lesion of these has one.
    """
    beside = clinical_photographs(everything, catalog)
    beside = beside.where(beside.table["lesion_id"].notna().to_numpy(bool))
    if not len(beside):
        return np.zeros((len(catalog), 0), "float32")
    measured = measure(beside)[["lightness", "a", "b"]]
    by_lesion = measured.groupby(beside.table["lesion_id"].to_numpy()).mean()
    table = catalog.table
    found = by_lesion.reindex(table["lesion_id"].fillna("")).to_numpy()
    train = found[table["split"].eq("train").fillna(False).to_numpy(bool)]
    mean, deviation = np.nanmean(train, axis=0), np.nanstd(train, axis=0)
    return ((found - mean) / deviation).astype("float32")
