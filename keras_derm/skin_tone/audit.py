"""How many images of each diagnosis of each type by ITA."""

import pandas as pd

from keras_derm.catalog import DIAGNOSES, FITZPATRICK_TYPES
from keras_derm.skin_tone.thresholds import UNDETERMINED

_TONES = (*FITZPATRICK_TYPES, UNDETERMINED)


def audit_table(catalog):
    """Count images by diagnosis and type by ITA, as Table 1 of lora_diffusion.

    Args:
        catalog: `keras_derm.catalog.Catalog` with the column `ita_type` filled, e.g.
            `catalog.with_columns(ita_type=measure(catalog)["ita_type"])`. Empty
            values count as undetermined.

    Returns:
        `pandas.DataFrame` of int: one row for each diagnosis that occurs, and
        `"total"`; columns `I` to `VI`, `undetermined`, `total`.
    """
    table = catalog.table
    tones = table["ita_type"].fillna(UNDETERMINED).astype(str)
    counts = pd.crosstab(table["diagnosis"].astype(str), tones)
    present = [diagnosis for diagnosis in DIAGNOSES if diagnosis in counts.index]
    counts = counts.reindex(index=present, columns=list(_TONES), fill_value=0)
    counts["total"] = counts.sum(axis=1)
    counts.loc["total"] = counts.sum(axis=0)
    return counts.rename_axis(index="diagnosis", columns="ita_type")


def rule_disagreement(default, published):
    """Compare the tones that two rules give to the same images.

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
    table = _cross_table(first, second, _TONES)
    return table.rename_axis(index="default", columns="published"), counts


def label_agreement(labels, estimates):
    """Compare people's Fitzpatrick labels with the tones estimated from ITA.

    Args:
        labels: Series of `"I"` to `"VI"`, anything else where nobody labelled.
        estimates: Series of the same index: `ita_type` of `measure`.

    Returns:
        Tuple of the cross table (rows: labels, columns: estimates) and a dict of
        `labelled`, `both` (labelled and measurable), `exact` and `within_one`
        (shares of `both`, NaN where it is 0).

    Raises:
        ValueError: If the indices differ.
    """
    if not labels.index.equals(estimates.index):
        raise ValueError(
            "Labels and estimates must be of the same images. Received: indices of "
            f"{len(labels)} and {len(estimates)} rows that differ"
        )
    labelled = labels.isin(FITZPATRICK_TYPES)
    labels, estimates = labels[labelled].astype(str), estimates[labelled].astype(str)
    table = _cross_table(labels, estimates, FITZPATRICK_TYPES)
    measured = estimates.isin(FITZPATRICK_TYPES)
    label, estimate = (
        pd.Categorical(tones[measured], FITZPATRICK_TYPES).codes
        for tones in (labels, estimates)
    )
    distance = pd.Series(label).sub(estimate).abs()
    agreement = {
        "labelled": int(labelled.sum()),
        "both": len(distance),
        "exact": float((distance == 0).mean()),
        "within_one": float((distance <= 1).mean()),
    }
    return table.rename_axis(index="label", columns="estimate"), agreement


def _cross_table(first, second, rows):
    table = pd.crosstab(first, second)
    return table.reindex(index=list(rows), columns=list(_TONES), fill_value=0)


def describe_agreement(agreement):
    """Say how often ITA agrees with people's labels; figures as `label_agreement`."""
    said = f"People labelled {agreement['labelled']:,} images. "
    if not agreement["both"]:
        return said + "None of these could be measured."
    return said + (
        f"Of the {agreement['both']:,} that could be measured, ITA gives the same type "
        f"in {agreement['exact']:.0%} and is within one type in "
        f"{agreement['within_one']:.0%}."
    )
