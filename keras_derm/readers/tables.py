"""What an archive's tables say: rows, numbers and words, each fault with its line."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from keras_derm.catalog.catalog import FITZPATRICK_TYPES, read_table
from keras_derm.catalog.faults import CatalogError, faults_at

FITZPATRICK_WORDS = {
    word: tone
    for number, tone in enumerate(FITZPATRICK_TYPES, start=1)
    for word in (str(number), f"{number}.0", tone.lower())
}
"""Fitzpatrick types as archives write them: 3, 3.0 or iii."""

TAB_SUFFIXES = (".tsv", ".tab")
SPREADSHEET = b"PK\x03\x04"
"""How an .xlsx begins; an .xls that is in truth a csv does not."""


def read_rows(path, required=(), header=0, names=None):
    """Read a csv, a tab-separated file or a spreadsheet as text, one row per line.

    Args:
        path: Path of the file.
        required: Columns that must be there.
        header, names: As for `pandas.read_csv`.

    Returns:
        `pandas.DataFrame` of string columns, empty fields NA, with the columns `_file`
        (name of the file) and `_row` (line in it, from 1).

    Raises:
        CatalogError: If it cannot be read or lacks a column.
    """
    path = Path(path)
    table = _read(path, header, names)
    table.columns = [str(column).strip() for column in table.columns]
    missing = [column for column in required if column not in table]
    if missing:
        raise CatalogError(
            f"{path}: column(s) {missing} missing. Received: {list(table.columns)}"
        )
    first = 1 if header is None else header + 2
    table["_file"] = path.name
    table["_row"] = np.arange(first, len(table) + first)
    return table[table.drop(columns=["_file", "_row"]).notna().any(axis=1)]


def _read(path, header, names):
    with open(path, "rb") as file:
        is_spreadsheet = file.read(len(SPREADSHEET)) == SPREADSHEET
    if not is_spreadsheet:
        return read_table(
            path,
            dtype="string",
            header=header,
            names=names,
            sep="\t" if path.suffix.lower() in TAB_SUFFIXES else ",",
            skip_blank_lines=False,
            skipinitialspace=True,
        )
    try:
        return pd.read_excel(
            path, dtype="string", header=header, names=names, na_values=[""],
            keep_default_na=False, engine="openpyxl",
        )  # fmt: skip
    except (OSError, ValueError, KeyError) as error:
        raise CatalogError(
            f"{path} is not a readable spreadsheet: {error}. Received: {path.name!r}"
        ) from error


def one_row_a_photograph(rows, columns):
    """Turn rows that name several photographs into rows of one photograph.

    Args:
        rows: What `read_rows` returned.
        columns: The columns with file names.

    Returns:
        `pandas.DataFrame` with the further columns `photograph`, the file name, and
        `view`, the column that it stood in. Rows that name none are left out, with a
        warning.
    """
    empty = rows[list(columns)].isna().all(axis=1)
    if empty.any():
        warn(
            f"{rows['_file'].iloc[0]}: {empty.sum()} row(s) name no photograph and are "
            f"left out: line {', '.join(map(str, rows['_row'][empty].head(10)))}"
        )
    views = [rows.assign(photograph=rows[view], view=view) for view in columns]
    views = pd.concat(views).sort_index(kind="stable")
    return views[views["photograph"].notna()].reset_index(drop=True)


def row_faults(rows, mask, column, cause):
    """`faults_at` of rows that `read_rows` gave, with the file and line of each.

    A column that another table was joined for has the file and line of that table.
    """
    names, lines = rows["_file"], rows["_row"]
    if f"_row {column}" in rows:
        names = rows[f"_file {column}"].fillna(names)
        lines = rows[f"_row {column}"].fillna(lines).astype("int64")
    return faults_at(rows, np.asarray(mask, bool), column, cause, names, lines)


def numbers(rows, column):
    """Read a column of numbers; words such as "unknown" count as not known.

    Returns:
        (numbers, faults): a float Series, and the table of rows that hold something
        else.
    """
    text = rows[column].str.strip().str.lower()
    text = text.where(~text.isin(["unknown", "nan", "na", "none"]))
    values = pd.to_numeric(text, errors="coerce").astype("float64")
    bad = (text.notna() & values.isna()).to_numpy(dtype=bool)
    return values, row_faults(rows, bad, column, "must be a number")


def without_unknown(values):
    """Lower-case words; "unknown" becomes NA."""
    words = values.str.strip().str.lower()
    return words.where(words != "unknown")


def translated(rows, column, words, may_be_empty=True):
    """Translate an archive's words.

    Args:
        rows: What `read_rows` returned, with `isic_id`.
        column: The column of words.
        words: dict of word (lower case) -> ours, or None for what is not known; any
            other word is a fault. Or, for what no list is known of, a function of the
            word; words of which it gives None are counted in a warning.
        may_be_empty: Whether a row may have no word.

    Returns:
        (values, faults): a Series, NA where nothing is known, and the table of faults.
    """
    said = rows[column].str.strip().str.lower().replace("", pd.NA)
    if callable(words):
        found = {word: words(word) for word in said.dropna().unique()}
        _warn_of_unknown(said[said.notna() & said.map(found).isna()], column)
        return said.map(found).astype("string"), []
    cause = f"unknown word, must be one of {', '.join(filter(None, words))}"
    unknown = ~said.fillna("").isin([*words, ""] if may_be_empty else list(words))
    faults = row_faults(rows, unknown, column, cause)
    return said.fillna("").map(words).astype("string"), [faults]


def _warn_of_unknown(words, column):
    if len(words):
        counts = words.value_counts()
        most = ", ".join(f"{name!r} {count}" for name, count in counts.head(10).items())
        warn(
            f"{len(words)} images have in {column!r} what is none of our words, and "
            f"count as not known: {most}{', ...' if len(counts) > 10 else ''}"
        )


def one_hot_diagnosis(rows, diagnoses, otherwise=None):
    """Read diagnoses from one column per diagnosis.

    Args:
        rows: What `read_rows` returned, with `isic_id`.
        diagnoses: dict of column -> diagnosis.
        otherwise: Diagnosis where all columns are 0; a fault without it.

    Returns:
        (diagnosis, faults): a Series, and the table of rows that are no such choice.
    """
    columns = list(diagnoses)
    labels = rows[columns].apply(pd.to_numeric, errors="coerce")
    labels = labels.to_numpy(dtype=float, na_value=np.nan)
    n_chosen = labels.sum(axis=1)
    sound = np.isin(labels, (0, 1)).all(axis=1)
    sound &= (n_chosen == 1) | ((n_chosen == 0) & (otherwise is not None))
    first = columns[0]
    # What a joined table has no row for has been told.
    told = rows.get(f"_row {first}", rows["_row"]).isna().to_numpy(dtype=bool)
    shown = rows.assign(**{first: rows[columns].fillna("").agg(",".join, axis=1)})
    cause = f"must have one 1 and else 0 in the columns {', '.join(columns)}"
    if otherwise is not None:
        cause = f"must have at most one 1 and else 0 in {', '.join(columns)}"
    faults = row_faults(shown, ~sound & ~told, first, cause)
    names = np.array([*diagnoses.values(), otherwise or "UNK"], dtype=object)
    chosen = np.where(n_chosen == 1, np.nan_to_num(labels).argmax(axis=1), -1)
    found = pd.Series(names[chosen], index=rows.index, dtype="string")
    return found.where(sound, "UNK"), faults


def warn(message):
    """Warn whoever called the readers, however deep in them it is noticed."""
    level, frame = 1, sys._getframe(0)
    while frame and frame.f_globals["__name__"].startswith("keras_derm.readers"):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, UserWarning, stacklevel=level)
