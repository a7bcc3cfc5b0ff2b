"""Read an archive's .xlsx, and nothing that grows when it is read."""

import io
import zipfile
import zlib
from xml.etree.ElementTree import ParseError

import openpyxl
import pandas as pd

from keras_derm.catalog.faults import CatalogError
from keras_derm.catalog.text_tables import WAY_OUT, refuse_double_names
from keras_derm.files import escaped
from keras_derm.object_store import ObjectStoreError, read_bytes

SPREADSHEET = b"PK\x03\x04"
"""How an .xlsx begins; an .xls that is in truth a csv does not."""

MOST_GROWTH, MOST_CELLS = 300_000_000, 10_000_000
"""Bytes that a spreadsheet may gain when it is unpacked, and cells of its table."""

NOT_A_SPREADSHEET = (
    *(OSError, EOFError, RuntimeError, NotImplementedError),
    *(ValueError, TypeError, LookupError, AttributeError),
    *(zipfile.BadZipFile, zlib.error, ParseError),
)
"""What zipfile and openpyxl raise of a file that is damaged or none of theirs."""


def read_spreadsheet(path, header=0, names=None):
    """Read the first sheet of an .xlsx as text.

    Args:
        path: `Path` of the file, or its URL in an object store.
        header: Row of the header, counted from 0.
        names: Names of the columns, where there is no header.

    Returns:
        `pandas.DataFrame` of string columns whose index is the row of the sheet.

    Raises:
        CatalogError: If it cannot be read, or would fill the memory: it unpacks to
            much more than it is, or its table has too many cells.
    """
    try:
        file = io.BytesIO(read_bytes(path))
        found = _refuse_growth(path, file, header)
        if names is None:  # pandas would number a name that comes again
            refuse_double_names(path, [str(cell).strip() for cell in found])
        table = pd.read_excel(
            file, dtype="string", header=header, names=names, na_values=[""],
            keep_default_na=False, engine="openpyxl",
        )  # fmt: skip
    except (CatalogError, ObjectStoreError):
        raise
    except NOT_A_SPREADSHEET as error:
        cause = escaped(str(error), 200)
        raise CatalogError(
            f"{path} is not a readable spreadsheet ({cause}): {WAY_OUT}. "
            f"Received: {path.name!r}"
        ) from error
    table.columns = [str(column).strip() for column in table.columns]
    table.index = table.index + header + 2
    return table


def _refuse_growth(path, file, header):
    """Refuse what a few bytes make large: compressed parts, and a cell far away.

    Returns:
        The cells of the row `header` that are not empty, as the sheet is passed over.
    """
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
    growth = sum(part.file_size - part.compress_size for part in parts)
    if growth > MOST_GROWTH:
        raise CatalogError(
            f"{path} unpacks to {sum(part.file_size for part in parts):,} bytes, more "
            f"than a table takes: if that is what it holds, {WAY_OUT}. "
            f"Received: {file.getbuffer().nbytes:,} bytes"
        )
    workbook = openpyxl.load_workbook(file, read_only=True)
    sheet = workbook.worksheets[0]
    sheet.reset_dimensions()  # what it says of its size need not be so
    n_columns, found = 0, []
    for n_rows, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        n_columns = max(n_columns, len(row))
        if n_rows == header + 1:
            found = [cell for cell in row if cell is not None]
        if n_rows * n_columns > MOST_CELLS:
            raise CatalogError(
                f"{path}: the table has more than {MOST_CELLS:,} cells: delete the "
                f"cells that stand apart from it, or {WAY_OUT}. "
                f"Received: {n_columns:,} columns in row {n_rows:,}"
            )
    workbook.close()
    return found
