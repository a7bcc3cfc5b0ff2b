"""What the readers share: finding csv and image files, and the one list of faults."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pandas as pd

from keras_derm.catalog.catalog import (
    Catalog,
    complete_table,
    leaves_root,
    read_table,
    table_faults,
)
from keras_derm.catalog.faults import CatalogError, faults_at, raise_faults
from keras_derm.catalog.images import SKIP_HINT, image_faults

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
MASK_SUFFIX = "_segmentation"
BENIGN_MALIGNANT = {
    "MEL": "malignant",
    "BCC": "malignant",
    "SCC": "malignant",
    "AK": "indeterminate",
    "NV": "benign",
    "BKL": "benign",
    "DF": "benign",
    "VASC": "benign",
    "INF": "benign",
    "BEN_OTH": "benign",
    "MAL_OTH": "malignant",
}


@dataclass(frozen=True)
class ArchiveReader:
    """Reader of an archive with a csv of one row per image.

    Images and lesion masks (`<image id>_segmentation.png`) may lie in any folder.

    Args:
        source: Name of the archive, `source` of its rows.
        columns: dict of catalog column -> column of the csv. `age_approx` is read as a
            number, `sex` and `anatom_site_general` as lower-case words, and `diagnosis`
            is translated by `diagnoses`.
        files: File name patterns of the csv, as `find_csv` takes them.
        diagnoses: dict of label (lower case) -> diagnosis; any other label is a fault.
        copyright_license: License of all images, or None.
        optional: Catalog columns that the csv may lack.
        required: Columns of the csv that `more` needs beside `columns`.
        rows: Function of the root that reads the rows, where there are several files.
        more: Function of rows and root, for what is no plain column: gives a dict of
            catalog columns, which replace those of the csv, and a list of fault tables.

    Example:
        >>> read = ArchiveReader(
        ...     "clinic",
        ...     files=("lesions.csv",),
        ...     columns={"isic_id": "image", "diagnosis": "finding"},
        ...     diagnoses={"naevus": "NV", "melanoma": "MEL"},
        ... )
        >>> catalog = read("/data/clinic")
    """

    source: str
    columns: dict
    files: tuple = ()
    diagnoses: dict = field(default_factory=dict)
    copyright_license: str | None = None
    optional: tuple = ()
    required: tuple = ()
    rows: Callable | None = None
    more: Callable | None = None

    def __call__(self, path, skip_bad=False):
        """Read the archive.

        Args:
            path: Folder of the archive.
            skip_bad: Leave out rows with a fault; `catalog.skipped` lists them.

        Returns:
            A `Catalog`.

        Raises:
            CatalogError: With every fault, each with file and row.
        """
        root = archive_root(path)
        rows = self._read(root) if self.rows is None else self.rows(root)
        rows = rows.rename(columns={self.columns["isic_id"]: "isic_id"})
        table, faults = rows[["isic_id", "_file", "_row"]].copy(), []
        table["copyright_license"] = self.copyright_license
        for column, name in self.columns.items():
            if column == "diagnosis":
                table[column], bad = mapped_diagnosis(rows, name, self.diagnoses)
                faults.append(bad)
            elif column == "age_approx" and name in rows:
                table[column], bad = numbers(rows, name)
                faults.append(bad)
            elif name in rows:
                is_word = column in ("sex", "anatom_site_general")
                table[column] = without_unknown(rows[name]) if is_word else rows[name]
        if self.more is not None:
            further, found = self.more(rows, root)
            table, faults = table.assign(**further), [*faults, *found]
        return make_catalog(table, root, self.source, skip_bad, faults)

    def _read(self, root):
        needed = [n for c, n in self.columns.items() if c not in self.optional]
        return read_csv(find_csv(root, *self.files), (*needed, *self.required))


def archive_root(path):
    """Return `path` as an absolute `Path` to a directory that is there."""
    root = Path(path).expanduser().absolute()
    if not root.is_dir():
        raise CatalogError(
            f"The archive must be a directory that exists. Received: {str(path)!r}"
        )
    return root


def find_csv(root, *patterns):
    """Find the csv that matches one of the patterns, at any depth under `root`.

    Args:
        root: `Path` of the archive.
        *patterns: File name patterns, case ignored; the first that matches wins.

    Returns:
        `Path` of the csv.

    Raises:
        CatalogError: If none or several match.
    """
    files = sorted(files_under(root))
    for pattern in patterns:
        found = [name for name in files if _named(name, pattern)]
        if len(found) > 1:
            raise CatalogError(
                f"Several files match {pattern!r} under {root}; keep one of them. "
                f"Received: {found}"
            )
        if found:
            return root / found[0]
    present = [name for name in files if _named(name, "*.csv")]
    raise CatalogError(
        f"Needs a file like {' or '.join(patterns)} under {root}. "
        f"Received: csv files {present[:20]}"
    )


def _named(relative, pattern):
    return fnmatch(os.path.basename(relative).lower(), pattern.lower())


def read_csv(csv, required=(), header=0, names=None):
    """Read a csv as text, one row per line.

    Args:
        csv: Path of the file.
        required: Columns that must be there.
        header, names: As for `pandas.read_csv`.

    Returns:
        `pandas.DataFrame` of string columns, empty fields NA, with the columns `_file`
        (name of the csv) and `_row` (line in it, from 1).

    Raises:
        CatalogError: If it is not a csv or lacks a column.
    """
    table = read_table(
        csv,
        dtype="string",
        header=header,
        names=names,
        skip_blank_lines=False,
        skipinitialspace=True,
    )
    table.columns = [str(column).strip() for column in table.columns]
    missing = [column for column in required if column not in table]
    if missing:
        raise CatalogError(
            f"{csv}: column(s) {missing} missing. Received: {list(table.columns)}"
        )
    first = 1 if header is None else 2
    table["_file"] = Path(csv).name
    table["_row"] = np.arange(first, len(table) + first)
    return table[table.drop(columns=["_file", "_row"]).notna().any(axis=1)]


def find_images(root):
    """Find the images under a directory, whatever folders the archive put them in.

    Folders and files of masks and superpixels, and hidden ones, are passed over.

    Args:
        root: Directory to search; links to directories are followed.

    Returns:
        dict of file name without suffix (lower case) -> path relative to `root`. Of two
        files with one name, JPEG goes before PNG, and the shallower before the deeper.
    """
    found = {}
    for relative in files_under(root):
        stem, suffix = os.path.splitext(os.path.basename(relative))
        if suffix.lower() not in IMAGE_SUFFIXES or is_annotation(relative):
            continue
        rank = (suffix.lower() == ".png", relative.count(os.sep), relative)
        key = stem.lower()
        if key not in found or rank < found[key]:
            found[key] = rank
    return {key: rank[-1] for key, rank in found.items()}


def find_masks(root, with_folder=False):
    """Find `<image id>_segmentation.png` files: image id (lower case) -> path.

    `with_folder` puts the mask's folder, relative to `root`, before the id.
    """
    found = {}
    for relative in sorted(files_under(root), reverse=True):
        stem, suffix = os.path.splitext(os.path.basename(relative).lower())
        if suffix == ".png" and stem.endswith(MASK_SUFFIX):
            image = stem.removesuffix(MASK_SUFFIX)
            if with_folder:
                image = os.path.join(os.path.dirname(relative).lower(), image)
            found[image] = relative
    return found


def files_under(root):
    """Yield every file under `root`, relative to it; hidden ones are passed over."""
    seen = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if not name.startswith("."):
                yield os.path.relpath(os.path.join(folder, name), root)


def is_annotation(relative):
    """Tell whether a path names a mask or superpixel image, not a photograph."""
    words = ("segmentation", "superpixel", "mask")
    return any(word in relative.lower() for word in words)


def make_catalog(table, root, source, skip_bad, faults=()):
    """Find and decode the images of a table and make the catalog, or tell every fault.

    Args:
        table: Catalog columns, and `_file` and `_row` as `read_csv` gives them. Images
            and masks are looked for where it has no `path` and no `mask_path`.
        root: `Path` of the archive.
        source: Name of the archive, for the column `source`.
        skip_bad: Leave out the rows at fault, and keep them in `catalog.skipped`.
        faults: Fault tables that the reader has found already.

    Returns:
        A `Catalog` with `plain_rgb` filled.

    Raises:
        CatalogError: With all faults, or if no good row is left.
    """
    table = table.reset_index(drop=True)
    names, rows = table.pop("_file").to_numpy(object), table.pop("_row").to_numpy()
    ids = table["isic_id"].str.lower()
    table["source"] = source
    if "path" not in table:  # an absent image gets the name it should have
        paths = ids.map(find_images(root)).astype("string")
        table["path"] = paths.fillna(table["isic_id"] + ".jpg")
    if "mask_path" not in table:
        table["mask_path"] = ids.map(find_masks(root))
    usual = table["diagnosis"].map(BENIGN_MALIGNANT).astype("string")
    given = table.get("benign_malignant", usual).astype("string")
    table["benign_malignant"] = given.fillna(usual)
    table = complete_table(table, root, name=source)
    sound = [pd.notna(path) and not leaves_root(path) for path in table["path"]]
    sound, plain = np.array(sound, bool), np.zeros(len(table), bool)
    images, plain[sound] = image_faults(table[sound], names[sound], rows[sound])
    table["plain_rgb"] = plain
    found = [*faults, table_faults(table, names, rows, check_files=False), images]
    found = [part for part in found if len(part)]
    if not found:
        return Catalog(table)
    found = pd.concat(found).sort_values(["file", "row"], kind="stable")
    found = found.reset_index(drop=True)
    return _without_bad_rows(table, names, rows, found, root, skip_bad)


def _without_bad_rows(table, names, rows, faults, root, skip_bad):
    hint = SKIP_HINT
    if (faults["cause"] == "file is missing").sum() == len(table):
        hint = (
            f"None of the {len(table)} images is under {root}: put them, as .jpg, "
            ".jpeg or .png, into any folder there."
        )
    if not skip_bad:
        raise_faults(faults, hint)
    bad = set(zip(faults["file"], faults["row"], strict=True))
    good = np.array([place not in bad for place in zip(names, rows, strict=True)], bool)
    if not good.any():
        raise_faults(faults, hint if hint != SKIP_HINT else "No good row is left.")
    catalog = Catalog(table[good])
    catalog._skipped = faults
    return catalog


def row_faults(rows, mask, column, cause):
    """`faults_at` of rows that `read_csv` gave, with the file and line of each."""
    return faults_at(rows, mask, column, cause, rows["_file"], rows["_row"])


def mapped_diagnosis(rows, column, diagnoses):
    """Translate an archive's labels.

    Args:
        rows: What `read_csv` returned, with `isic_id`.
        column: The column of labels.
        diagnoses: dict of label (lower case) -> diagnosis.

    Returns:
        (diagnosis, faults): a Series, "UNK" where the label is not known, and the table
        of those rows.
    """
    labels = rows[column].str.strip().str.lower()
    cause = f"unknown diagnosis, must be one of {', '.join(diagnoses)}"
    faults = row_faults(rows, ~labels.isin(list(diagnoses)), column, cause)
    return labels.map(diagnoses).fillna("UNK").astype("string"), faults


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
