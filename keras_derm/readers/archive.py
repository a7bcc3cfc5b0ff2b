"""What the readers share: finding csv and image files, and the one list of faults."""

import os
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pandas as pd

from keras_derm.catalog.catalog import (
    Catalog,
    complete_table,
    leaves_root,
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
}


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
    try:
        table = pd.read_csv(
            csv,
            dtype="string",
            keep_default_na=False,
            na_values=[""],
            header=header,
            names=names,
            skip_blank_lines=False,
            skipinitialspace=True,
            encoding="utf-8-sig",
        )
    except (OSError, ValueError) as error:
        raise CatalogError(f"{csv} is not a readable csv: {error}") from error
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
        table: Catalog columns without `path`, and `_file` and `_row` as `read_csv`
            gives them. With `path`, images are not looked for.
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
    names, rows = table.pop("_file").tolist(), table.pop("_row").tolist()
    table["source"] = source
    if "path" not in table:
        table["path"] = _find_paths(table["isic_id"], root)
    if "benign_malignant" not in table:
        table["benign_malignant"] = pd.NA
    table["benign_malignant"] = (
        table["benign_malignant"]
        .astype("string")
        .fillna(table["diagnosis"].map(BENIGN_MALIGNANT).astype("string"))
    )
    table = complete_table(table, root, name=source)
    images, plain = _image_faults(table, names, rows)
    table["plain_rgb"] = plain
    found = [*faults, table_faults(table, names, rows, check_files=False), images]
    found = [part for part in found if len(part)]
    if not found:
        return Catalog(table)
    found = pd.concat(found).sort_values(["file", "row"], kind="stable")
    found = found.reset_index(drop=True)
    return _without_bad_rows(table, names, rows, found, root, skip_bad)


def _find_paths(ids, root):
    """Return the path of each id; an absent one gets the name it should have."""
    found = find_images(root)
    return [
        pd.NA if pd.isna(name) else found.get(name.lower(), f"{name}.jpg")
        for name in ids
    ]


def _image_faults(table, names, rows):
    """Decode the images whose path is sound."""
    sound = np.array(
        [pd.notna(path) and not leaves_root(path) for path in table["path"]], bool
    )
    plain = np.zeros(len(table), dtype=bool)
    faults, plain[sound] = image_faults(
        table[sound],
        [name for name, is_sound in zip(names, sound, strict=True) if is_sound],
        np.asarray(rows)[sound],
    )
    return faults, plain


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


def mapped_diagnosis(table, column, diagnoses):
    """Translate an archive's labels.

    Args:
        table: What `read_csv` returned, with `isic_id`.
        column: The column of labels.
        diagnoses: dict of label (lower case) -> diagnosis.

    Returns:
        (diagnosis, faults): a Series, "UNK" where the label is not known, and the table
        of those rows.
    """
    labels = table[column].str.strip().str.lower()
    known = labels.isin(list(diagnoses))
    cause = f"unknown diagnosis, must be one of {', '.join(diagnoses)}"
    faults = faults_at(
        table, ~known, column, cause, table["_file"].tolist(), table["_row"].tolist()
    )
    return labels.map(diagnoses).fillna("UNK").astype("string"), faults


def numbers(table, column):
    """Read a column of numbers; words such as "unknown" count as not known.

    Returns:
        (numbers, faults): a float Series, and the table of rows that hold something
        else.
    """
    text = table[column].str.strip().str.lower()
    text = text.where(~text.isin(["unknown", "nan", "na", "none"]))
    values = pd.to_numeric(text, errors="coerce").astype("float64")
    bad = text.notna() & values.isna()
    faults = faults_at(
        table,
        bad.to_numpy(dtype=bool),
        column,
        "must be a number",
        table["_file"].tolist(),
        table["_row"].tolist(),
    )
    return values, faults


def without_unknown(values):
    """Lower-case words; "unknown" becomes NA."""
    words = values.str.strip().str.lower()
    return words.where(words != "unknown")
