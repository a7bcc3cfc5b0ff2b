"""Anyone's own table of photographs: `table:clinic.csv,diagnosis=finding,root=photos`.

The table is a csv, a tab-separated file or an .xlsx. It needs an id (`isic_id`) or a
`path` for each photograph, and a `diagnosis`: one of ours, of HAM10000's, or in words.
It may have any other column of the catalog under its name; further columns are kept.
"""

from dataclasses import dataclass, field

from keras_derm.catalog.catalog import COLUMN_TYPES, DIAGNOSES
from keras_derm.catalog.faults import CatalogError
from keras_derm.object_store import is_file, is_url, located
from keras_derm.readers.archive import make_catalog
from keras_derm.readers.files import archive_root, named_images
from keras_derm.readers.labels import diagnosis_of_word
from keras_derm.readers.tables import (
    FITZPATRICK_WORDS,
    numbers,
    read_rows,
    row_faults,
    without_unknown,
)

MAPPED = (*COLUMN_TYPES, "fitzpatrick_skin_type")


def read(options, skip_bad=False, with_images=True):
    """Read a table of photographs.

    Args:
        options: `PATH[,column=theirs,...]`; PATH may be a URL of an object store. A
            column of the catalog is taken from theirs (`isic_id=Image`,
            `diagnosis=finding`); `root=photos` is the folder of the photographs,
            relative to the table, by default its own, or a URL; `word.naevus=NV` says
            which diagnosis a word is; `all.image_type=dermoscopic` gives a column one
            value.
        skip_bad, with_images: As for an `ArchiveReader`.

    Returns:
        A `Catalog`.

    Raises:
        CatalogError: With every fault, each with file and row, or where a column that
            is asked for is not there.
    """
    mapping = _Mapping.of(options)
    file = located(mapping.path)
    if not is_file(file):
        raise CatalogError(
            f"A table must be a file that exists. Received: {mapping.path!r}"
        )
    root = archive_root(_folder_of_photographs(file, mapping.root))
    rows = _our_columns(read_rows(file), mapping, file)
    by = "isic_id" if "isic_id" in rows else "path"
    ids, found = named_images(rows[by], root)
    rows["isic_id"] = ids
    if by == "path" or "path" not in rows:
        rows["path"] = found
    faults = []
    rows["diagnosis"], bad = _diagnoses(rows, mapping.words)
    faults.append(bad)
    if "age_approx" in rows:
        rows["age_approx"] = numbers(rows, "age_approx")
    for column in {"sex", "anatom_site_general"} & set(rows):
        rows[column] = without_unknown(rows[column])
    return make_catalog(
        _with_types(rows), root, file.stem, skip_bad, faults, with_images
    )


def _folder_of_photographs(table, root):
    """The folder that a table says, which may lie elsewhere than the table."""
    if is_url(root):
        return root
    return table.parent if root == "." else table.parent / root


@dataclass(frozen=True)
class _Mapping:
    """What stands behind `table:`."""

    path: str
    root: str = "."
    columns: dict = field(default_factory=dict)
    words: dict = field(default_factory=dict)
    same: dict = field(default_factory=dict)

    @classmethod
    def of(cls, options):
        path, *parts = (part.strip() for part in str(options).split(","))
        found = {"columns": {}, "words": {}, "same": {}}
        for part in parts:
            key, equals, value = (piece.strip() for piece in part.partition("="))
            kind, dot, name = key.partition(".")
            if key == "root" and value:
                found["root"] = value
            elif kind == "word" and dot and value in DIAGNOSES:
                found["words"][name.lower()] = value
            elif kind == "all" and dot and name in MAPPED:
                found["same"][name] = value
            elif key in MAPPED and value:
                found["columns"][key] = value
            else:
                raise CatalogError(
                    "a table is PATH,column=theirs,... with a column of the catalog, "
                    "root=FOLDER, word.THEIRS=DIAGNOSIS (one of "
                    f"{', '.join(DIAGNOSES)}) or all.COLUMN=VALUE. Received: {part!r}"
                )
        return cls(path, **found)


def _our_columns(rows, mapping, file):
    """Rows under the catalog's names; what is not asked for keeps its own."""
    theirs = [name for name in rows if name not in ("_file", "_row")]
    absent = [name for name in mapping.columns.values() if name not in rows]
    if absent:
        raise CatalogError(
            f"{file} has the columns {theirs}. Received: {', '.join(absent)}"
        )
    for column, name in mapping.columns.items():
        if column != name:
            rows = rows.drop(columns=column, errors="ignore")
            rows = rows.assign(**{column: rows[name]})
    rows = rows.drop(columns=set(mapping.columns.values()) - set(mapping.columns))
    rows = rows.assign(**mapping.same)
    if "diagnosis" not in rows or not {"isic_id", "path"} & set(rows):
        raise CatalogError(
            f"{file} needs `diagnosis`, and `isic_id` or `path`: say which columns "
            "they are, as in table:clinic.csv,isic_id=Image,diagnosis=finding. "
            f"Received: {theirs}"
        )
    return rows


def _diagnoses(rows, words):
    said = rows["diagnosis"].str.strip().str.lower()
    meant = {
        word: words.get(word) or diagnosis_of_word(word)
        for word in said.dropna().unique()
    }
    found = said.map(meant).astype("string")
    cause = (
        "unknown diagnosis: one of ours, or word.THEIRS=DIAGNOSIS with one of "
        f"{', '.join(DIAGNOSES)}"
    )
    return found.fillna("UNK"), row_faults(rows, found.isna(), "diagnosis", cause)


def _with_types(rows):
    """Fitzpatrick types as roman numbers, where the table writes 3 or iii."""
    if "fitzpatrick_skin_type" in rows:
        said = rows["fitzpatrick_skin_type"].str.strip().str.lower()
        rows["fitzpatrick_skin_type"] = (
            said.map(FITZPATRICK_WORDS).astype("string").fillna(said)
        )
    return rows
