"""Faults of a catalog: collected first, raised together."""

import numpy as np
import pandas as pd

FAULT_COLUMNS = ("file", "row", "isic_id", "column", "value", "cause")
FAULT_TYPES = dict.fromkeys(FAULT_COLUMNS, "string") | {"row": "int64"}
LISTED_FAULTS = 200


class CatalogError(ValueError):
    """Everything that is wrong with a catalog, in one message.

    Attributes:
        faults: `pandas.DataFrame`, one row per fault: `file` (the csv or image read),
            `row` (the line in the csv, from 1; 0 where there is none), `isic_id`,
            `column`, `value` and `cause`. Complete, where the message lists 200.

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
    """Raise one `CatalogError` that tells every fault.

    Args:
        faults: `pandas.DataFrame` with `FAULT_COLUMNS`.
        way_out: What the user can do, appended to the message.

    Raises:
        CatalogError: Always.
    """
    files = faults["file"].dropna().unique()
    files = ", ".join(files) if len(files) <= 5 else f"{len(files)} files"
    counts = faults["cause"].value_counts()
    lines = [f"{len(faults)} fault(s) in {files}:"]
    if len(faults) > LISTED_FAULTS:
        lines += [f"  {count} x {cause}" for cause, count in counts.head(20).items()]
        lines.append(f"The first {LISTED_FAULTS}:")
    lines += [_line(fault) for fault in faults.head(LISTED_FAULTS).itertuples()]
    if len(faults) > LISTED_FAULTS:
        left = len(faults) - LISTED_FAULTS
        lines.append(f"  ... and {left} more; `error.faults` holds them all.")
    if way_out:
        lines.append(way_out)
    raise CatalogError("\n".join(lines), faults)


def _line(fault):
    place = f"{fault.file}, row {fault.row}" if fault.row else fault.file
    return (
        f"  {place}, column '{fault.column}': {fault.cause}. Received: {fault.value!r}"
    )
