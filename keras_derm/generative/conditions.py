"""Diagnosis and tone group as the indices that generators are conditioned on."""

import numpy as np

from keras_derm.catalog import DIAGNOSES, TONE_GROUPS, of_diagnosis
from keras_derm.evaluation import UNKNOWN

CONDITION_TONES = (*TONE_GROUPS, UNKNOWN)


def condition_indices(catalog):
    """Conditions of the images of a catalog.

    Args:
        catalog: `Catalog`. A row without a tone group counts as "unknown", so that
            no row is lost.

    Returns:
        int32 array (n, 2): index into `DIAGNOSES` and into `CONDITION_TONES`.
    """
    return table_conditions(catalog.table)


def table_conditions(table):
    """As `condition_indices`, of a table's `diagnosis` and `tone_group`."""
    tones = table["tone_group"].fillna(UNKNOWN)
    columns = [
        [DIAGNOSES.index(name) for name in table["diagnosis"]],
        [CONDITION_TONES.index(name) for name in tones],
    ]
    return np.array(columns, dtype="int32").T.reshape(-1, 2)


def condition_names(conditions):
    """Tuples (diagnosis, tone group) of what `condition_indices` gives, a list."""
    return [
        (DIAGNOSES[diagnosis], CONDITION_TONES[tone])
        for diagnosis, tone in np.asarray(conditions)
    ]


def checked_conditions(conditions):
    """Conditions as int32 (n, 2).

    Raises:
        ValueError: If they have another shape.
    """
    conditions = np.asarray(conditions, dtype="int32")
    if conditions.ndim != 2 or conditions.shape[1] != 2:
        raise ValueError(
            "`conditions` must have shape (n, 2): diagnosis and tone-group index. "
            f"Received: shape {conditions.shape}"
        )
    return conditions


def rows_of_cell(catalog, cell):
    """Which rows are of a cell.

    Args:
        catalog: `Catalog`.
        cell: Dict from columns to values, such as {"diagnosis": "melanocytic",
            "tone_group": "dark"}; a diagnosis may be a group, and what is not known of
            a row is "unknown".

    Returns:
        bool array (n,).
    """
    rows = np.ones(len(catalog), bool)
    for name, value in cell.items():
        if name == "diagnosis":
            rows &= of_diagnosis(catalog, value)
        else:
            known = catalog.table[name].fillna(UNKNOWN)
            rows &= (known == value).to_numpy(bool)
    return rows
