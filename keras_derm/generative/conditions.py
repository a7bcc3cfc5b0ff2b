"""Diagnosis and skin tone as the indices that generators are conditioned on."""

import numpy as np

from keras_derm.catalog import DIAGNOSES, FITZPATRICK_TYPES
from keras_derm.skin_tone import IndividualTypologyAngle

CONDITION_TONES = (*FITZPATRICK_TYPES, "undetermined")


def condition_indices(catalog):
    """Conditions of the images of a catalog.

    Args:
        catalog: `Catalog`. A row without a skin tone counts as "undetermined", so
            that no row is lost.

    Returns:
        int32 array (n, 2): index into `DIAGNOSES` and into `CONDITION_TONES`.
    """
    return table_conditions(catalog.table)


def table_conditions(table):
    """As `condition_indices`, of a table's `diagnosis` and `skin_tone`."""
    tones = table["skin_tone"].fillna("undetermined")
    columns = [
        [DIAGNOSES.index(name) for name in table["diagnosis"]],
        [CONDITION_TONES.index(name) for name in tones],
    ]
    return np.array(columns, dtype="int32").T.reshape(-1, 2)


def condition_names(conditions):
    """Tuples (diagnosis, skin tone) of what `condition_indices` gives, a list."""
    return [
        (DIAGNOSES[diagnosis], CONDITION_TONES[tone])
        for diagnosis, tone in np.asarray(conditions)
    ]


def measured_tones(images, thresholds="del_bino"):
    """Skin tone of made images that none was asked of, uint8 (n, side, side, 3).

    `thresholds` are of `skin_tone.THRESHOLDS`. Gives the index into `CONDITION_TONES`,
    int (n,), that of "undetermined" where the tone cannot be measured.
    """
    estimator = IndividualTypologyAngle(thresholds=thresholds)
    tones = [estimator.measure(image)["skin_tone"] for image in images]
    return np.array([CONDITION_TONES.index(tone) for tone in tones], dtype=int)
