"""Read tables of text as people save them: csv of any country, tabs, old encodings."""

import codecs
import csv
import io
import itertools
import re

import pandas as pd

from keras_derm.catalog.faults import CatalogError
from keras_derm.files import shown
from keras_derm.object_store import read_bytes

SEPARATORS = (",", ";", "\t", "|")
"""Marks that may stand between columns; the first of those that give most wins."""

WAY_OUT = "save it as csv in UTF-8, with commas between the columns"
DECIMAL_COMMA = r"([+-]?\d+),(\d+(?:[eE][+-]?\d+)?)"
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OVER = "_beyond the header"


def read_table(path, names=None, **options):
    """Read a csv; empty fields alone are not known.

    Columns may be separated by commas, semicolons, tabs or bars, whichever the header
    has. The text may be UTF-8, UTF-16 or, where it is neither, Windows-1252. With
    semicolons or tabs, 0,5 is the number 0.5.

    Args:
        path: Path of the file.
        names: Names of the columns, where the file has no header.
        **options: As for `pandas.read_csv`, such as `dtype`.

    Returns:
        `pandas.DataFrame` whose index is the line in the file, from 1. Rows without
        any field are left out, and columns without a name and a field.

    Raises:
        CatalogError: If it cannot be read as a table, a column is named twice, or a
            row has more fields than the header; with file, line and way out.

    Example:
        >>> table = read_table("metadata.csv", dtype="string")
        >>> table.index[0]
        2
    """
    text = _decoded(path)
    separator = _separator(text)
    columns, n_lines = _header(path, text, separator, names)
    try:
        table = pd.read_csv(
            io.StringIO(text),
            sep=separator,
            header=None,
            names=[*columns, _OVER],
            skiprows=n_lines,
            index_col=False,
            skip_blank_lines=False,
            skipinitialspace=separator != "\t",
            keep_default_na=False,
            na_values=[""],
            **_with_types(options, columns),
        )
    except pd.errors.EmptyDataError:
        table = pd.DataFrame(columns=[*columns, _OVER], dtype="string")
    except (OSError, ValueError) as error:
        raise CatalogError(_not_readable(path, separator, error)) from error
    table.index = table.index + n_lines + 1
    _refuse_longer_rows(path, table)
    if separator in ";\t":
        table = _with_points(table)
    unnamed = [name for name in columns if not name.strip()]
    table = table.drop(columns=[_OVER, *(n for n in unnamed if table[n].isna().all())])
    table.columns = [_name_of(column, i) for i, column in enumerate(table)]
    return table[table.notna().any(axis=1)]


def _with_types(options, columns):
    """Options whose types, given by column, name only those that are there."""
    types = options.get("dtype")
    if not isinstance(types, dict):
        return options
    return options | {"dtype": {k: v for k, v in types.items() if k in columns}}


def _decoded(path):
    """The text of a file, in whichever of the usual encodings it is."""
    try:
        data = read_bytes(path)
    except OSError as error:
        raise CatalogError(
            f"{path} is not a readable csv: {error.strerror or error}. "
            f"Received: {str(path)!r}"
        ) from error
    marked = next((name for mark, name in BYTE_ORDER_MARKS if data.startswith(mark)), 0)
    for encoding in [marked] if marked else ["utf-8", "cp1252"]:
        try:
            text = data.decode(encoding)
            break
        except UnicodeError:
            continue
    else:
        raise CatalogError(
            f"{path} is not text in UTF-8, UTF-16 or Windows-1252: {WAY_OUT}. "
            f"Received: {shown(data[:20])}"
        )
    if "\0" in text:
        raise CatalogError(
            f"{path} holds zero bytes, which no csv does: {WAY_OUT}. "
            f"Received: {shown(data[:20])}"
        )
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip(' \n,;\t|"'):
        raise CatalogError(
            f"{path} is not a readable csv: it is empty. Received: {len(data)} bytes"
        )
    return text


def _rows(text, separator):
    """Rows of fields, for which the csv module's limit of a field is no fault."""
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    return csv.reader(
        io.StringIO(text), delimiter=separator, skipinitialspace=separator != "\t"
    )


def _separator(text):
    """The mark that gives most columns in the first row that is not empty."""

    def n_columns(mark):
        return len(next(filter(_has_fields, _rows(text, mark)), ()))

    return max(SEPARATORS, key=n_columns)


def _has_fields(row):
    return any(field.strip() for field in row)


def refuse_double_names(path, columns):
    """Raise `CatalogError` where a header names a column twice: which is meant?"""
    double = sorted({name for name in columns if name and columns.count(name) > 1})
    if double:
        raise CatalogError(
            f"{path}: the header names a column more than once: rename or remove the "
            f"others. Received: {shown(double)}"
        )


def _header(path, text, separator, names):
    """Names of the columns, and the number of lines above the first row."""
    rows = _rows(text, separator)
    fields = next(filter(_has_fields, rows))
    if names is not None:
        if len(fields) < len(names):
            raise CatalogError(
                f"{path} needs the columns {', '.join(names)}, without a header. "
                f"Received: {shown(fields)}"
            )
        return list(names), 0
    columns = [field.strip() for field in fields]
    refuse_double_names(path, columns)
    # pandas needs a name for each: those that are empty differ in their blanks.
    blank = (" " * number for number in itertools.count(1))
    n_lines, first = rows.line_num, next(rows, [])
    if len(first) > len(columns) + 1:  # by which pandas would go
        raise CatalogError(_longer(path, n_lines + 1, first, separator))
    return [name or next(blank) for name in columns], n_lines


def _name_of(column, position):
    """A column without a name, as of an index that was saved, is called by place."""
    return column if column.strip() else f"unnamed {position + 1}"


def _refuse_longer_rows(path, table):
    """A field beyond the header would shift the others; an empty one at the end not."""
    over = table[_OVER].notna()
    if over.any():
        lines = table.index[over].astype(str)
        raise CatalogError(
            f"{path}: {over.sum()} row(s) have more fields than the header, so that it "
            "is not known which column they belong to: put a field that has the "
            "separator in it into double quotes. "
            f"Received: line {', '.join(lines[:5])}{', ...' if len(lines) > 5 else ''}"
        )


def _not_readable(path, separator, error):
    found = re.search(r"in line (\d+), saw (\d+)", str(error))
    if found is None:
        said = shown(str(error).partition("C error: ")[-1] or str(error))
        return f"{path} is not a readable csv: {WAY_OUT}. Received: {said}"
    line = int(found.group(1))
    return _longer(path, line, [""] * int(found.group(2)), separator)


def _longer(path, line, fields, separator):
    return (
        f"{path}: line {line} has {len(fields)} fields, more than the header: put a "
        f"field that has the separator {separator!r} in it into double quotes, or "
        f"{WAY_OUT}. Received: line {line}"
    )


def _with_points(table):
    """Numbers with a decimal comma as numbers with a point."""
    words = table.select_dtypes(include=["string", "object"]).columns
    return table.assign(
        **{
            name: table[name].str.replace(f"^{DECIMAL_COMMA}$", r"\1.\2", regex=True)
            for name in words
            if table[name].notna().any()
        }
    )
