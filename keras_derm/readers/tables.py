"""What an archive's tables say: rows, numbers and words, each fault with its line."""

import numpy as np
import pandas as pd

from keras_derm.catalog.catalog import FITZPATRICK_TYPES
from keras_derm.catalog.faults import CatalogError, faults_at
from keras_derm.catalog.text_tables import read_table
from keras_derm.files import escaped, shown
from keras_derm.object_store import is_url, path_of, read_bytes
from keras_derm.readers.files import find_tables
from keras_derm.readers.notes import note, warn
from keras_derm.readers.spreadsheets import SPREADSHEET, read_spreadsheet

FITZPATRICK_WORDS = {
    word: tone
    for number, tone in enumerate(FITZPATRICK_TYPES, start=1)
    for word in (str(number), f"{number}.0", tone.lower())
}
"""Fitzpatrick types as archives write them: 3, 3.0 or iii."""


def read_rows(path, required=(), header=0, names=None):
    """Read a csv, a tab-separated file or a spreadsheet as text, one row per line.

    Args:
        path: Path of the file, or its URL in an object store.
        required: Columns that must be there.
        header: Of a spreadsheet, the row of its header, counted from 0.
        names: Names of the columns, where there is no header.

    Returns:
        `pandas.DataFrame` of string columns, empty fields NA, with the columns `_file`
        (name of the file) and `_row` (line in it, from 1).

    Raises:
        CatalogError: If it cannot be read, lacks a column or has no row.
    """
    path = path_of(path)
    table = _read(path, header, names)
    missing = [column for column in required if column not in table]
    if missing:
        raise CatalogError(
            f"{path}: column(s) {missing} missing. Received: {shown(list(table))}"
        )
    table = table[table.notna().any(axis=1)]
    if table.empty:
        raise CatalogError(
            f"{path} has no row: put its rows below the header, or remove the file. "
            f"Received: the columns {shown(list(table))}"
        )
    table = table.assign(_file=path.name, _row=table.index)
    return table.reset_index(drop=True)


def read_found(root, *patterns, key, required=(), names=None, needed=True):
    """Read the table that matches a pattern, or join several: one of each download.

    Args:
        root: `Path` of the archive.
        *patterns: File name patterns, as `find_tables` takes them.
        key: Column that tells the rows apart.
        required, names: As for `read_rows`.
        needed: Whether there must be a table.

    Returns:
        What `read_rows` returns, or None. Rows that stand in several files are taken
        once, with a note.

    Raises:
        CatalogError: As `read_rows`; or if files tell different things of one key.
    """
    files = find_tables(root, *patterns, needed=needed)
    if not files:
        return None
    tables = [read_rows(file, (key, *required), names=names) for file in files]
    if len(tables) == 1:
        return tables[0]
    places = [str(file.relative_to(root)) for file in files]
    tables = [
        one.assign(_file=place) for one, place in zip(tables, places, strict=True)
    ]
    joined = pd.concat(tables, ignore_index=True)
    told = [column for column in joined if column not in ("_file", "_row")]
    same = joined.duplicated(told)
    rows = joined[~same].reset_index(drop=True)
    n_files = rows.groupby(key)["_file"].nunique()
    if (n_files > 1).any():
        raise CatalogError(
            f"Several files match {patterns[0]!r} under {root}, and tell different "
            f"things of {(n_files > 1).sum():,} {key}: keep one of them. "
            f"Received: {shown(places)}"
        )
    note(
        f"{len(files)} files are read as one table ({', '.join(places[:5])}"
        f"{', ...' if len(places) > 5 else ''}); {same.sum():,} row(s) stand in several"
    )
    return rows


def _read(path, header, names):
    """Table of strings whose index is the line."""
    if not is_url(path) and path.exists() and not path.is_file():
        raise CatalogError(
            f"{path} is no regular file, but a pipe or device: save the table "
            f"as a file. Received: {path.name!r}"
        )
    if read_bytes(path, most=len(SPREADSHEET)) == SPREADSHEET:
        return read_spreadsheet(path, header, names)
    return read_table(path, names, dtype="string")


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

    So does what is none of both, as "85+" is, with a warning: a photograph is not lost
    for a field beside it.

    Returns:
        A float Series.
    """
    text = rows[column].str.strip().str.lower()
    text = text.where(~text.isin(["unknown", "nan", "na", "n/a", "none"]))
    values = pd.to_numeric(text, errors="coerce").astype("float64")
    warn_of_unread(rows, text.notna() & values.isna(), column, "is no number")
    return values


def warn_of_unread(rows, mask, column, cause):
    """Warn of fields that are taken as not known, with the file and row of some.

    Args:
        rows: What `read_rows` returned.
        mask: bool array or Series, one value per row.
        column: The column.
        cause: What is wrong, as in "is no number".
    """
    mask = np.asarray(mask, bool)
    if not mask.any():
        return
    some = row_faults(rows.assign(isic_id=""), mask, column, cause).head(3)
    examples = ", ".join(
        f"{shown(one.value, 60)} ({escaped(one.file)}, row {one.row})"
        for one in some.itertuples()
    )
    warn(
        f"{mask.sum():,} field(s) of {column!r} count as not known, as what they hold "
        f"{cause}: {examples}{', ...' if mask.sum() > 3 else ''}"
    )


def without_unknown(values):
    """Lower-case words; "unknown" becomes NA."""
    words = values.str.strip().str.lower()
    return words.where(words != "unknown")


def translated(rows, column, words, may_be_empty=True, is_side_field=False):
    """Translate an archive's words.

    Args:
        rows: What `read_rows` returned, with `isic_id`.
        column: The column of words.
        words: dict of word (lower case) -> ours, or None for what is not known; any
            other word is a fault, or a side field that is not known. Or, for what no
            list is known of, a function of the word; words of which it gives None are
            counted in a warning.
        may_be_empty: Whether a row may have no word.
        is_side_field: Whether the photograph is of use without it: then another word
            counts as not known, with a warning.

    Returns:
        (values, faults): a Series, NA where nothing is known, and the table of faults.
    """
    said = rows[column].str.strip().str.lower().replace("", pd.NA)
    if callable(words):
        found = {word: words(word) for word in said.dropna().unique()}
        _warn_of_unknown(said[said.notna() & said.map(found).isna()], column)
        return said.map(found).astype("string"), []
    known = ", ".join(filter(None, words))
    unknown = ~said.fillna("").isin([*words, ""] if may_be_empty else list(words))
    if is_side_field:
        warn_of_unread(rows, unknown, column, f"is none of {known}")
        return said.fillna("").map(words).astype("string"), []
    cause = f"unknown word, must be one of {known}"
    faults = row_faults(rows, unknown, column, cause)
    return said.fillna("").map(words).astype("string"), [faults]


def _warn_of_unknown(words, column):
    if len(words):
        counts = words.value_counts()
        most = ", ".join(
            f"{shown(name, 60)} {count}" for name, count in counts.head(10).items()
        )
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
