"""Faults of a catalog: collected first, raised together."""

import numpy as np
import pandas as pd

from keras_derm.files import escaped, shown

FAULT_COLUMNS = ("file", "row", "isic_id", "column", "value", "cause")
FAULT_TYPES = dict.fromkeys(FAULT_COLUMNS, "string") | {"row": "int64"}
LISTED_FAULTS, EXAMPLES = 5, 3
"""Up to how many faults of one kind are told one by one, and else how many of them."""


class CatalogError(ValueError):
    """Everything that is wrong with a catalog, in one message.

    Attributes:
        faults: `pandas.DataFrame`, one row per fault: `file` (the csv or image read),
            `row` (the line in the csv, from 1; 0 where there is none), `isic_id`,
            `column`, `value` and `cause`. Complete, where the message
            gives examples of each kind.

    Example:
        >>> try:
        ...     catalog = read_data_source("ham10000:/data/HAM10000")
        ... except CatalogError as error:
        ...     error.faults.to_csv("faults.csv")
    """

    def __init__(self, message, faults=None):
        super().__init__(message)
        self.faults = fault_table([]) if faults is None else faults


def fault_table(faults):
    """Return a list of fault dictionaries as a table with `FAULT_COLUMNS`."""
    return pd.DataFrame(faults, columns=list(FAULT_COLUMNS)).astype(FAULT_TYPES)


def faults_at(table, mask, column, cause, name="catalog", rows=None):
    """Return the fault table of the rows of a catalog table where `mask` holds.

    Args:
        table: Table with the columns `isic_id` and `column`.
        mask: bool array, one value per row.
        column: The column at fault.
        cause: What is wrong, one str or one per row of `table` in the mask.
        name: Name of the file read, or one name per row.
        rows: Row number of each row in its file; by default the line it has in the
            saved csv, the header being line 1.
    """
    positions = np.flatnonzero(mask)
    rows = np.arange(2, len(table) + 2) if rows is None else np.asarray(rows)
    names = name if isinstance(name, str) else np.asarray(name, object)[positions]
    values = table[column].to_numpy(dtype=object)[positions]
    return pd.DataFrame(
        {
            "file": names,
            "row": rows[positions],
            "isic_id": table["isic_id"].to_numpy(dtype=object)[positions],
            "column": column,
            "value": ["" if pd.isna(value) else str(value) for value in values],
            "cause": cause,
        }
    ).astype(FAULT_TYPES)


def raise_faults(faults, way_out=""):
    """Raise one `CatalogError` that tells every fault, or of many the kinds.

    Args:
        faults: `pandas.DataFrame` with `FAULT_COLUMNS`.
        way_out: What the user can do, appended to the message.

    Raises:
        CatalogError: Always.
    """
    files = faults["file"].dropna().unique()
    files = ", ".join(map(escaped, files)) if len(files) <= 5 else f"{len(files)} files"
    kinds = faults.groupby(["column", "cause"], sort=False, dropna=False)
    lines = [f"{len(faults):,} fault(s) in {files}:"]
    for _, kind in kinds:
        lines += _told(kind)
    if len(lines) - 1 < len(faults):
        lines.append("`error.faults` holds them all, one row each.")
    raise CatalogError("\n".join([*lines, *filter(None, [way_out])]), faults)


def _told(kind):
    """Faults of one column and cause: each, or how many and the first."""
    if len(kind) <= LISTED_FAULTS:
        return [_line(fault) for fault in kind.itertuples()]
    first = next(kind.itertuples())
    examples = "; ".join(_example(one) for one in kind.head(EXAMPLES).itertuples())
    return [
        f"  {len(kind):,} x column '{first.column}': {first.cause}. "
        f"Received: {examples}, ..."
    ]


def _line(fault):
    return (
        f"  {_place(fault)}, column '{fault.column}': {fault.cause}. "
        f"Received: {shown(fault.value)}"
    )


def _example(fault):
    return f"{shown(fault.value, 60)} ({_place(fault)})"


def _place(fault):
    file = escaped(fault.file)
    return f"{file}, row {fault.row}" if fault.row else file
