"""The colour and the estimated skin tone of every photograph of a catalog."""

import dataclasses

from keras_derm.skin_tone.estimator import ToneEstimate
from keras_derm.skin_tone.individual_typology_angle import (
    RULES,
    IndividualTypologyAngle,
)
from keras_derm.skin_tone.photographs import look_at_each

COLUMNS = (
    "ita",
    "ita_low",
    "ita_high",
    "ita_type",
    "ita_reason",
    "skin_pixels",
    "contrast",
    "lightness",
    "a",
    "b",
)


def measure(catalog, rule="quadrant", thresholds="del_bino", n_workers=None):
    """Measure the ITA of the skin in every image, on the original photographs.

    Lesion masks are used where the catalog has them; elsewhere the lesion is looked
    for. With more than 500 images the work is spread over processes.

    Args:
        catalog: `keras_derm.catalog.Catalog`.
        rule: `"quadrant"` or `"published"`, see `IndividualTypologyAngle`.
        thresholds: Table of types, `"del_bino"`, `"kinyanjui"` or `"groh"`.
        n_workers: Number of processes; by default one per processor.

    Returns:
        `pandas.DataFrame` with the index of `catalog.table` and the columns
        `ita`, `ita_low`, `ita_high` (degrees), `ita_type` (I to VI or undetermined),
        `ita_reason` (why undetermined, else empty), `skin_pixels`, `contrast`
        (CIEDE2000 between skin and lesion, NaN without a lesion), `lightness`, `a`
        and `b` (CIELAB). People's labels have no part in it.

    Raises:
        ImageError: If a photograph or a mask cannot be read.
    """
    return measure_by_rules(catalog, [rule], thresholds, n_workers)[rule]


def measure_by_rules(catalog, rules=RULES, thresholds="del_bino", n_workers=None):
    """Measure by several rules at once: each photograph is read and searched once.

    Args:
        catalog, thresholds, n_workers: As in `measure`.
        rules: Names of rules.

    Returns:
        Dict of the frame of `measure` for each rule.
    """
    works = {
        rule: IndividualTypologyAngle(rule, thresholds).measure_photograph
        for rule in rules
    }
    found = look_at_each(catalog, works, n_workers=n_workers)
    return {rule: frame.reindex(columns=list(COLUMNS)) for rule, frame in found.items()}


def estimate(catalog, estimators, n_workers=None):
    """Estimate the skin tone of every photograph by several estimators.

    Args:
        catalog, n_workers: As in `measure`.
        estimators: `ToneEstimator`s with different names.

    Returns:
        Dict from the name of each to a `pandas.DataFrame` with the index of
        `catalog.table`: the attributes of `ToneEstimate`, and `scale`.

    Raises:
        ImageError: If a photograph or a mask cannot be read.
    """
    works = {one.name: one.estimate for one in estimators}
    found = look_at_each(catalog, works, n_workers=n_workers)
    return {one.name: as_estimates(found[one.name], one.scale) for one in estimators}


def as_estimates(frame, scale):
    """Frame of `look_at_each` with the columns of estimates, and their scale."""
    names = [field.name for field in dataclasses.fields(ToneEstimate)]
    return frame.reindex(columns=names).assign(scale=scale)
