"""What lies under an archive's directory: its tables, photographs and masks."""

import os
from fnmatch import fnmatch
from pathlib import Path

import pandas as pd

from keras_derm.catalog.faults import CatalogError
from keras_derm.photographs import IMAGE_SUFFIXES

MASK_SUFFIX = "_segmentation"
TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".xlsx")


def archive_root(path):
    """Return `path` as an absolute `Path` to a directory that is there."""
    root = Path(path).expanduser().absolute()
    if not root.is_dir():
        raise CatalogError(
            f"The archive must be a directory that exists. Received: {str(path)!r}"
        )
    return root


def find_table(root, *patterns, needed=True):
    """Find the table that matches one of the patterns, at any depth under `root`.

    Args:
        root: `Path` of the archive.
        *patterns: File name patterns, case ignored; the first that matches wins.
        needed: Whether there must be one.

    Returns:
        `Path` of the file, or None.

    Raises:
        CatalogError: If several match, or none where one is needed.
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
    if not needed:
        return None
    present = [name for name in files if name.lower().endswith(TABLE_SUFFIXES)]
    raise CatalogError(
        f"Needs a file like {' or '.join(patterns)} under {root}. "
        f"Received: tables {present[:20]}"
    )


def _named(relative, pattern):
    return fnmatch(os.path.basename(relative).lower(), pattern.lower())


def find_images(root, with_folder=False):
    """Find the images under a directory, whatever folders the archive put them in.

    Folders and files of masks and superpixels, and hidden ones, are passed over.

    Args:
        root: Directory to search; links to directories are followed.
        with_folder: Put the name of the image's own folder before its name.

    Returns:
        dict of file name without suffix (lower case) -> path relative to `root`. Of two
        files with one name, JPEG goes before PNG, PNG before what is rarer, and the
        shallower before the deeper.
    """
    found = {}
    for relative in files_under(root):
        if not is_photograph(relative):
            continue
        suffix = os.path.splitext(relative)[1].lower()
        # .jpg and .jpeg are one format.
        format_rank = max(1, IMAGE_SUFFIXES.index(suffix))
        rank = (format_rank, relative.count(os.sep), relative)
        key = _key(relative, with_folder)
        if key not in found or rank < found[key]:
            found[key] = rank
    return {key: rank[-1] for key, rank in found.items()}


def named_images(names, root):
    """Find the photographs that a table names by id, file name or path.

    The suffix is no part of a name: tables say `.jpeg` where files are `.jpg`. Folders
    count only where two names of the table differ in them alone.

    Args:
        names: Series of text.
        root: `Path` of the archive.

    Returns:
        (ids, paths): two Series; a photograph that is absent has the path that it
        should have.
    """
    names = names.str.strip()
    ids = names.map(file_stem, na_action="ignore")
    double = ids.duplicated(keep=False) & names.str.contains("/", na=False)
    with_folder = double.any()
    keys = names.map(lambda name: _key(name, with_folder), na_action="ignore")
    if with_folder:
        parents = names.map(
            lambda name: os.path.basename(os.path.dirname(name)), na_action="ignore"
        )
        ids = parents + "__" + ids
    paths = keys.map(find_images(root, with_folder)).astype("string")
    bare = ~names.str.lower().str.endswith(IMAGE_SUFFIXES, na=True)
    return ids.astype("string"), paths.fillna(names.mask(bare, names + ".jpg"))


def file_stem(name):
    """The name of an image file without folders and suffix; an id stays as it is."""
    stem, suffix = os.path.splitext(os.path.basename(name))
    return stem if suffix.lower() in IMAGE_SUFFIXES else stem + suffix


def _key(name, with_folder):
    folder = os.path.basename(os.path.dirname(name))
    return (f"{folder}/{file_stem(name)}" if with_folder else file_stem(name)).lower()


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


def photographs_under(root):
    """Table of the photographs themselves, for an archive that has no table of them.

    Returns:
        `pandas.DataFrame` with `path`, and `_file` and `_row` as `read_rows` gives them
        (`_row` is 0: there is no line to name).
    """
    paths = pd.Series(sorted(filter(is_photograph, files_under(root))), dtype="string")
    return pd.DataFrame({"path": paths, "_file": paths, "_row": 0})


def is_photograph(relative):
    """Tell whether a path names a photograph: an image, and no annotation of one."""
    suffix = os.path.splitext(relative)[1].lower()
    words = ("segmentation", "superpixel", "mask", "_attribute_")
    return suffix in IMAGE_SUFFIXES and not any(w in relative.lower() for w in words)
