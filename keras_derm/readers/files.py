"""What lies under an archive's directory: its tables, photographs and masks."""

import os
import re
from collections import Counter
from fnmatch import fnmatch

import pandas as pd

from keras_derm.catalog.faults import CatalogError
from keras_derm.catalog.photograph_ids import file_stem, with_slashes
from keras_derm.files import escaped, shown
from keras_derm.object_store import files_below, is_url, located, path_of, read_bytes
from keras_derm.photographs import IMAGE_SUFFIXES
from keras_derm.readers.notes import note, warn

MASK_SUFFIX = "_segmentation"
ANNOTATION = re.compile(r"_(segmentation|superpixels?|mask|attribute_\w+)$")
"""How the name of a file ends that is no photograph but tells of one."""

ANNOTATIONS = re.compile(r"(^|[\W_])(segmentations?|superpixels?|masks?)$")
"""How the name of a folder of such files ends, whose files may be called as these."""

OTHER_IMAGES = (".gif", ".heic", ".heif", ".avif", ".jp2", ".dcm", ".raw", ".dng")
"""Formats of photographs that are not read."""
TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".xlsx")


def archive_root(path):
    """Return `path` as an absolute `Path` to a directory that is there.

    That of a URL is as `keras_derm.object_store.path_of` gives it, with objects below.
    """
    if is_url(path):
        return _stored_root(path)
    root = located(path)
    if not root.is_dir():
        raise CatalogError(
            f"The archive must be a directory that exists. Received: {str(path)!r}"
        )
    return root


def _stored_root(url):
    root, said = path_of(url), ""
    try:
        is_there = bool(files_below(root))
    except FileNotFoundError as error:
        is_there, said = False, f" ({error})"
    if not is_there:
        raise CatalogError(
            "The archive must be a folder of the object store, with files in it. "
            f"Received: {str(url)!r}{said}"
        )
    return root


def find_tables(root, *patterns, needed=True):
    """Find the tables that match one of the patterns, at any depth under `root`.

    Copies of a file, equal in every byte, count as one.

    Args:
        root: `Path` of the archive.
        *patterns: File name patterns, case ignored; the first that matches wins.
        needed: Whether there must be one.

    Returns:
        List of `Path`s.

    Raises:
        CatalogError: If none matches where one is needed.
    """
    files = sorted(files_under(root))
    for pattern in patterns:
        found = [name for name in files if _named(name, pattern)]
        if found:
            return _without_copies(root, found)
    if not needed:
        return []
    present = [name for name in files if name.lower().endswith(TABLE_SUFFIXES)]
    raise CatalogError(
        f"Needs a file like {' or '.join(patterns)} under {root}. "
        f"Received: tables {shown(present)}"
    )


def _without_copies(root, names):
    """Paths of the files, of several with the same content the first alone."""
    first = {}
    for name in names:
        content = read_bytes(root / name) if len(names) > 1 else name
        if content in first:
            note(f"{name} is a copy of {first[content]}, and is not read again")
        first.setdefault(content, name)
    return [root / name for name in first.values()]


def find_table(root, *patterns, needed=True):
    """Find the one table that matches, as `find_tables`.

    Returns:
        `Path` of the file, or None.

    Raises:
        CatalogError: If several match, or none where one is needed.
    """
    found = find_tables(root, *patterns, needed=needed)
    if len(found) > 1:
        raise CatalogError(
            f"Several files match {patterns[0]!r} under {root}; keep one of them. "
            f"Received: {shown([str(path.relative_to(root)) for path in found])}"
        )
    return found[0] if found else None


def _named(relative, pattern):
    name = os.path.basename(with_slashes(relative))
    return fnmatch(name.lower(), pattern.lower())


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
    names = names.str.strip().str.replace("\\", "/")
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


def _key(name, with_folder):
    folder = os.path.basename(os.path.dirname(with_slashes(name)))
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
    if is_url(root):
        for name in files_below(root):
            if not any(part.startswith(".") for part in name.split("/")):
                yield name
        return
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
    """Tell whether a path names a photograph: an image, and no annotation of one.

    Annotations are told by how their own name ends or that of their folder. What
    stands elsewhere in a path says nothing of the file, and a .jpg is a photograph
    in any folder.
    """
    folder, name = os.path.split(with_slashes(relative).lower())
    stem, suffix = os.path.splitext(name)
    if suffix not in IMAGE_SUFFIXES or ANNOTATION.search(stem):
        return False
    is_among = ANNOTATIONS.search(os.path.basename(folder)) is not None
    return suffix in (".jpg", ".jpeg") or not is_among


def tell_of_files(root, taken):
    """Say how many images under `root` are not taken, and of which formats none is.

    Args:
        root: `Path` of the archive.
        taken: Set of absolute paths of the images that are taken.
    """
    left, formats = [], Counter()
    for relative in sorted(files_under(root)):
        suffix = os.path.splitext(relative)[1].lower()
        if suffix in OTHER_IMAGES:
            formats[suffix] += 1
        elif is_photograph(relative) and os.path.join(str(root), relative) not in taken:
            left.append(relative)
    if left:
        note(
            f"{len(left):,} image(s) under {root} are named by no row and are left "
            f"out: {', '.join(map(escaped, left[:3]))}{', ...' if left[3:] else ''}"
        )
    if formats:
        counts = ", ".join(f"{n:,} {suffix}" for suffix, n in sorted(formats.items()))
        warn(
            f"{formats.total():,} file(s) under {root} are in a format that is not "
            f"read, and are left out ({counts}): convert them to .png or .jpg"
        )


def place_of_absent(names, root):
    """Say where files lie that are called as photographs are, but are taken for none.

    Args:
        names: Names of photographs that were not found.
        root: `Path` of the archive.

    Returns:
        A sentence, "" where there are none.
    """
    wanted = {_key(name, with_folder=False) for name in names}
    hidden = [
        relative
        for relative in files_under(root)
        if relative.lower().endswith(IMAGE_SUFFIXES)
        and not is_photograph(relative)
        and _key(relative, with_folder=False) in wanted
    ]
    if not hidden:
        return ""
    folders = sorted({os.path.dirname(name) or "." for name in hidden})
    return (
        f"{len(hidden)} file(s) of these names lie in {shown(folders)}, whose name "
        "says that it holds masks: if they are the photographs, rename the folder."
    )
