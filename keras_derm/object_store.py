"""Photographs, tables and results in an object store, by URLs such as s3://bucket/key.

Every other room asks here. A path that is no URL is one of this machine, and nothing is
imported for it; a URL is opened by fsspec, whose settings and environment variables say
where the store is and who asks.
"""

import contextlib
import contextvars
import os
import re
from dataclasses import dataclass
from pathlib import Path

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
"""How one begins; a letter alone is a drive of Windows."""

NEEDED = (
    "paths such as s3:// need fsspec and s3fs: pip install 'keras_derm[object_store]' "
    "(and gcsfs for gs://, adlfs for az://)"
)

CHANGES = ("ETag", "etag", "LastModified", "last_modified", "updated", "mtime")
"""What stores tell of an object, and is another where its content is; best first."""

_listed = {}
"""Names of the files under each URL that was listed, as they were found last."""

_kept = contextvars.ContextVar("listings that are kept", default=None)


class ObjectStoreError(RuntimeError):
    """A store did not do what was asked of it; the message names URL and cause.

    It is no `OSError`, which a damaged photograph raises, too: what a store refuses now
    says nothing of the photograph.

    Example:
        >>> try:
        ...     data = read_bytes("s3://bucket/lesion.jpg")
        ... except ObjectStoreError as error:
        ...     print(error)
    """


@dataclass(frozen=True)
class StoredFile:
    """A file in a listing of a store.

    Attributes:
        name: Path below what was listed.
        stamp: Size in bytes, and what is another where the content is: a list, fit for
            JSON.

    Example:
        >>> folders, files = folder_content("s3://bucket/photographs")
        >>> files[0]
        StoredFile(name='1.jpg', stamp=[90210, '"202cb962ac59075b964b07152d234b70"'])
    """

    name: str
    stamp: list


def is_url(path):
    """Tell whether a path is a URL; any other is of this machine."""
    return URL.match(str(path)) is not None


def path_of(path):
    """Return a path, or the URL that stands in its place, with the methods of `Path`.

    Args:
        path: str, `Path`, or what was returned here.

    Returns:
        `Path`, or of a URL a `upath.UPath`: of this the methods that only compute with
        the name are used, and the functions here in place of the others.
    """
    if not is_url(path):
        return Path(path)
    with _asked(path):
        from upath import UPath

        return UPath(str(path).rstrip("/"))


def absolute(path):
    """Return a path from the root of this machine, or the URL as it is; a str."""
    return str(path) if is_url(path) else os.path.abspath(path)


def located(path):
    """Return `path_of` a path, from the root of this machine and with `~` expanded."""
    if is_url(path):
        return path_of(path)
    return Path(absolute(Path(path).expanduser()))


def refuse_url(name, path):
    """Refuse a URL where only a file or folder of this machine will do.

    Raises:
        ValueError: It is a URL.
    """
    if path is not None and is_url(path):
        raise ValueError(
            f"`{name}` must lie on a disk of this machine; what an object store holds "
            "is copied from or to it (docs/several_machines.md, An object store). "
            f"Received: {name}={str(path)!r}"
        )


def read_bytes(path, most=None):
    """Return the bytes of a file.

    Args:
        path: str or path of a file of this machine, or URL.
        most: Number of bytes after which no more is read.

    Raises:
        FileNotFoundError: There is no such file.
        OSError: A file of this machine cannot be read.
        ObjectStoreError: The store refuses, or does not answer.
    """
    if not is_url(path):
        with open(path, "rb") as file:
            return file.read(most)
    with _asked(path):
        store, key = _opened(path)
        try:
            # Without an end s3fs would ask for the size first.
            return store.cat_file(key, end=most)
        except (FileNotFoundError, PermissionError):
            raise
        except OSError:
            # Stores have no part of an object that has no bytes.
            if store.info(key)["size"] == 0:
                return b""
            raise


def open_file(path):
    """Open a file of this machine or a URL to read bytes from any place of it."""
    if not is_url(path):
        return open(path, "rb")
    with _asked(path):
        store, key = _opened(path)
        return store.open(key, "rb")


def write_file(source, url):
    """Put a file of this machine into a store, where it appears when it is whole.

    Raises:
        ObjectStoreError: The store does not take it.
    """
    with _asked(url):
        store, key = _opened(url)
        try:
            store.put_file(str(source), key)
        except FileNotFoundError as error:  # as where there is no such bucket
            raise _refused(url, error) from error


def check_can_be_written(url):
    """Refuse a URL in a bucket that is not there, before there is anything to write.

    Raises:
        ObjectStoreError: There is none, or the store refuses access or does not answer.
            Whether objects may be written there it only says when one is.
    """
    with _asked(url):
        store, key = _opened(url)
        bucket = key.partition("/")[0]
        try:
            if bucket:
                store.info(bucket)
        except FileNotFoundError as error:
            raise ObjectStoreError(
                f"there is no bucket {bucket!r}: make it, or name another. "
                f"Received: {url!r}"
            ) from error


def is_file(path):
    """Tell whether there is a file at a path of this machine or a URL."""
    return Path(path).is_file() if not is_url(path) else file_at(path) is not None


def file_at(url):
    """The `StoredFile` that a URL names, with the last part of it as name, or None."""
    facts = _facts(url)
    if facts is None or facts["type"] != "file":
        return None
    return _stored(facts, str(url).rpartition("/")[2])


def is_folder(url):
    """Tell whether there are objects below a URL."""
    facts = _facts(url)
    return facts is not None and facts["type"] == "directory"


def folder_content(url):
    """List a folder of a store, not those in it.

    Returns:
        Tuple of a list of names of folders and a list of `StoredFile`s.
    """
    with _asked(url):
        store, key = _opened(url)
        folders, files = [], []
        for facts in store.ls(key, detail=True):
            name = facts["name"].rstrip("/").rpartition("/")[2]
            if facts["type"] == "directory":
                folders.append(name)
            else:
                files.append(_stored(facts, name))
    return [name for name in folders if name], files


def matching_files(pattern):
    """Files whose URL matches a glob pattern; `*` stands for no dot at the beginning.

    Returns:
        Sorted list of pairs of a URL and its `StoredFile`.
    """
    with _asked(pattern):
        store, key = _opened(pattern)
        found = store.glob(key, detail=True)
        return [
            (store.unstrip_protocol(name), _stored(facts, name.rpartition("/")[2]))
            for name, facts in sorted(found.items())
            if facts["type"] == "file" and not _is_hidden(name, key)
        ]


def _is_hidden(name, pattern):
    """Whether what a pattern left open has a part with a dot at its beginning."""
    n_said = len(os.path.commonprefix([name, pattern]))
    return "/." in name[n_said - 1 :]


def files_below(url):
    """List every file below a URL, at any depth, within `keeping_listings` once.

    Returns:
        Names relative to the URL, a list of str; [] where there is nothing.

    Raises:
        FileNotFoundError: There is no such bucket.
    """
    url, kept = str(url).rstrip("/"), _kept.get()
    if kept is not None and url in kept:
        return kept[url]
    with _asked(url):
        store, key = _opened(url)
        start = f"{key.rstrip('/')}/"
        found = [n.removeprefix(start) for n in store.find(key) if n != key]
    _listed[url] = frozenset(found)
    if kept is not None:
        kept[url] = found
    return found


@contextlib.contextmanager
def keeping_listings():
    """List what is below a URL once within the block, however often it is asked for."""
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)


def are_files(roots, paths):
    """Tell which files are there.

    Of a store what is below a root is listed, and no object asked for by itself. What
    was there once counts as there: its content is read from the store at each time.

    Args:
        roots: Folders of this machine or URLs, one for each path.
        paths: Paths below them.

    Returns:
        List of bool.
    """
    places = list(zip(map(str, roots), map(str, paths), strict=True))
    asked = {root: set() for root in {root for root, _ in places} if is_url(root)}
    for root, path in places if asked else ():
        if root in asked:
            asked[root].add(path)
    for root, names in asked.items():
        if not names <= _listed.get(root.rstrip("/"), frozenset()):
            with contextlib.suppress(FileNotFoundError):
                files_below(root)
    return [
        path in _listed.get(root.rstrip("/"), ())
        if root in asked
        else os.path.isfile(os.path.join(root, path))
        for root, path in places
    ]


def _facts(url):
    """What a store tells of a URL, or None where there is nothing."""
    try:
        with _asked(url):
            store, key = _opened(url)
            return store.info(key)
    except FileNotFoundError:
        return None


def _stored(facts, name):
    change = next((facts[key] for key in CHANGES if facts.get(key)), None)
    return StoredFile(name, [facts["size"], None if change is None else str(change)])


def _opened(url):
    """The file system of a URL, which fsspec makes once, and its name there."""
    from fsspec.core import url_to_fs

    # Listings of an archive are large, and would never be looked at again.
    return url_to_fs(str(url), use_listings_cache=False)


@contextlib.contextmanager
def _asked(url):
    """Tell what a store, or its absence, says of a URL."""
    try:
        yield
    except (FileNotFoundError, ObjectStoreError):
        raise
    except ImportError as error:
        raise ImportError(f"{NEEDED}. Received: {str(url)!r} ({error})") from error
    except Exception as error:  # each store has exceptions of its own
        raise _refused(url, error) from error


def _refused(url, error):
    if isinstance(error, PermissionError):
        way_out = (
            "it refuses access, or holds no such object and does not let you list what "
            "it holds: check the credentials and what they allow"
        )
    else:
        way_out = (
            "check the URL, the address of the store and the network; where work had "
            "begun, the same command goes on"
        )
    return ObjectStoreError(
        f"the object store did not do what was asked: {way_out} "
        "(docs/several_machines.md, An object store). "
        f"Received: {str(url)!r} ({type(error).__name__}: {error})"
    )
