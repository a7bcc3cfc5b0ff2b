"""The images that a command names: files, folders and patterns, here or in a store."""

import glob
import itertools
import os
from dataclasses import dataclass
from pathlib import Path

from keras_derm.object_store import (
    file_at,
    folder_content,
    is_folder,
    is_url,
    matching_files,
)
from keras_derm.photographs import IMAGE_SUFFIXES


@dataclass(frozen=True)
class FoundImage:
    """An image that was found.

    Attributes:
        path: Path as it was asked for, or URL in an object store.
        name: Path below what was asked for, which no other image has.
        listed: What a listing of the store told of it (`StoredFile.stamp`), or None
            for a file of this machine.

    Example:
        >>> for image in every_image(["photographs"]):
        ...     print(image.path)
    """

    path: Path | str
    name: Path
    listed: list | None = None

    def stamp(self):
        """What tells whether the image is the same again, a list, None without any.

        Size and time of change of a file as it is now; of a store what was listed, so
        that no object is asked for by itself. An image that was changed after that is
        another one to the next listing.
        """
        if self.listed is not None:
            return self.listed
        try:
            facts = os.stat(self.path)
        except OSError:
            return None  # its row says why it cannot be read
        return [facts.st_size, facts.st_mtime_ns]

    def below(self, folder):
        """The same image where its path is relative to a folder, a `Path`."""
        path = self.path if is_url(self.path) else folder / self.path
        return FoundImage(path, self.name, self.listed)


def number_found(asked):
    """How many images there are.

    Args:
        asked: Names of images, folders or patterns, a list.

    Raises:
        ValueError: None is asked for.
        FileNotFoundError: One of them names no image.
    """
    if not asked:
        raise ValueError("`images` must name an image, folder or pattern. Received: []")
    numbers = [_number(name) for name in asked]
    if 0 in numbers:
        raise FileNotFoundError(
            "`images` names no file, folder or pattern with "
            f"{', '.join(IMAGE_SUFFIXES)} in it. Received: {asked[numbers.index(0)]!r}"
        )
    return sum(numbers)


def every_image(asked):
    """Each `FoundImage`, one by one, those of a folder sorted by their names.

    The files of a folder come before those of the folders in it. Hidden files and
    folders are passed over.
    """
    every = itertools.chain.from_iterable(map(_found, asked))
    if len(asked) == 1 and _is_any_folder(asked[0]):
        return every  # whose names differ, and may be too many to be held
    return _with_own_names(every)


def _number(name):
    if _is_any_folder(name):
        return sum(len(files) for _, files in _by_folder(name))
    return sum(1 for _ in _found(name))


def _is_any_folder(name):
    return is_folder(name) if is_url(name) else os.path.isdir(name)


def _with_own_names(every):
    """Number those names that were there before."""
    given = set()
    for image in every:
        number, own = 1, image.name
        while own in given:
            number += 1
            own = image.name.with_name(f"{image.name.name}_{number}")
        given.add(own)
        yield FoundImage(image.path, own, image.listed)


def _found(name):
    """Images of one name, one by one."""
    if is_url(name):
        yield from _found_in_store(name.rstrip("/"))
        return
    path = Path(name)
    if path.is_dir():
        for folder, files in _by_folder(path):
            for file in files:
                found = Path(folder, file)
                yield FoundImage(found, found.relative_to(path))
    elif path.is_file():
        yield FoundImage(path, Path(path.name))
    else:
        for file in sorted(glob.glob(_pattern(path), recursive=True)):
            if Path(file).is_file():
                yield FoundImage(Path(file), Path(Path(file).name))


def _found_in_store(url):
    if is_folder(url):
        for folder, files in _by_folder(url):
            for file in files:
                path = f"{folder}/{file.name}"
                yield FoundImage(path, Path(path.removeprefix(f"{url}/")), file.stamp)
    elif file := file_at(url):
        yield FoundImage(url, Path(file.name), file.stamp)
    elif glob.has_magic(url):
        for path, file in matching_files(url):
            yield FoundImage(path, Path(file.name), file.stamp)


def _by_folder(name):
    """Pairs of a folder and what it has of images, sorted: one folder at a time."""
    return _stored_folders(name.rstrip("/")) if is_url(name) else _folders_here(name)


def _folders_here(path):
    """Pairs of a folder and the sorted names of the images in it."""
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(filter(_is_shown, folders))
        files[:] = filter(_is_image, files)
        files.sort()
        yield folder, files


def _stored_folders(url):
    """Pairs of the URL of a folder and the sorted `StoredFile`s of the images in it."""
    folders, files = folder_content(url)
    files = sorted(
        (file for file in files if _is_image(file.name)), key=lambda file: file.name
    )
    yield url, files
    for folder in sorted(filter(_is_shown, folders)):
        yield from _stored_folders(f"{url}/{folder}")


def _is_image(name):
    return _is_shown(name) and name.lower().endswith(IMAGE_SUFFIXES)


def _is_shown(name):
    """Whether a file or folder is no hidden one, as `._x.jpg` of macOS is."""
    return not name.startswith(".") and name != "__MACOSX"


def _pattern(path):
    """A pattern in which the folders that are there stand for themselves: a[1]/*.jpg"""
    there = next((folder for folder in path.parents if folder.is_dir()), Path())
    return os.path.join(glob.escape(str(there)), path.relative_to(there))
