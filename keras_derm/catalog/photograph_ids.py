"""Which photograph of a catalog is meant where people write an id, a file or a path."""

import os

import pandas as pd

from keras_derm.photographs import IMAGE_SUFFIXES


def with_slashes(name):
    """A path with slashes, also where a program of Windows wrote backslashes."""
    return name.replace("\\", "/")


def file_stem(name):
    """The name of an image file without folders and suffix; an id stays as it is."""
    stem, suffix = os.path.splitext(os.path.basename(with_slashes(name).strip()))
    return stem.strip() if suffix.lower() in IMAGE_SUFFIXES else stem + suffix


def match_ids(names, table):
    """Find the photographs of a catalog that a table made elsewhere is about.

    A name is an id, in any case, with or without the suffix of a file and blanks; or a
    path, absolute, relative to the archive, or from any other place: then the file's
    folder and name tell, or its name alone. What fits several photographs fits none.

    Args:
        names: Series of str.
        table: Table of a `Catalog`.

    Returns:
        Series of `isic_id`, NA where none fits.
    """
    said = names.astype("string").str.strip().map(with_slashes, na_action="ignore")
    ids, paths = table["isic_id"], table["path"].map(with_slashes, na_action="ignore")
    places = table["root"].fillna("") + "/" + paths
    found = said.map(_unambiguous(ids, ids)).astype("string")
    keys = (
        (lambda name: name.lower(), ids),
        (lambda name: file_stem(name).lower(), ids),
        (os.path.normpath, places),
        (os.path.normpath, paths),
        (_folder_and_stem, paths),
        (lambda name: file_stem(name).lower(), paths),
    )
    for key, known in keys:
        if not found.isna().any():
            break
        of_catalog = _unambiguous(known.map(key, na_action="ignore"), ids)
        other = said.map(key, na_action="ignore").map(of_catalog)
        found = found.fillna(other.astype("string"))
    return found


def _folder_and_stem(name):
    folder = os.path.basename(os.path.dirname(name))
    return f"{folder}/{file_stem(name)}".lower() if folder else pd.NA


def _unambiguous(keys, ids):
    """dict of key -> id, of the keys that one id alone has."""
    keys = keys[~keys.duplicated(keep=False) & keys.notna()]
    return dict(zip(keys, ids[keys.index], strict=True))
