"""Write files whole or not at all."""

import contextlib
import glob
import hashlib
import json
import math
import os
import platform
import re
import shutil
import uuid
from pathlib import Path

import numpy as np
import yaml


@contextlib.contextmanager
def atomic_path(path):
    """Give a temporary path beside `path` and rename it there on success.

    The temporary path keeps the suffix of `path`, so that writers which choose a
    format by it work. What was at `path` before stays until the new content is
    whole; on any exception, or a kill, it stays for good. Works for a file and for
    a directory that the caller makes. What a process of this machine that was killed
    left of the same path is removed; what is still written is not.

    Args:
        path: Where the finished file or directory shall lie.

    Yields:
        `Path` to write to, in the same directory.

    Example:
        >>> with atomic_path("metrics.json") as temporary:
        ...     temporary.write_text("{}")
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_left(path)
    writer = f"{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    temporary = path.with_name(f".{path.stem}.{writer}{path.suffix}")
    try:
        yield temporary
        if temporary.is_dir() and path.is_dir():
            shutil.rmtree(path)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno and error.filename is None:  # as where the disk is full
            error.filename = str(path)
        raise
    finally:
        _remove(temporary)


def _remove_left(path):
    """Remove what processes that are no more left when they were to write `path`."""
    if os.name != "posix":  # elsewhere a signal is no way to ask for a process
        return
    writer = rf"{_machine()}-(\d+)-[0-9a-f]{{8}}"
    pattern = re.compile(rf"\.{re.escape(path.stem)}\.{writer}{re.escape(path.suffix)}")
    for name in glob.glob(f".{glob.escape(path.stem)}.*", root_dir=path.parent):
        found = pattern.fullmatch(name)
        if found and not _is_running(int(found.group(1))):
            _remove(path.with_name(name))


def _machine():
    """Name of this machine as it may stand in a file name: process ids are its own."""
    return short_digest(platform.node().encode())


def _is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # there is one, of another user
        return True
    return True


def _remove(path):
    """Remove a file or a directory, if there is one."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def new_array(path, dtype, shape):
    """Make a .npy file and map it into memory, to be filled.

    Args:
        path: Where it shall lie.
        dtype: NumPy type.
        shape: Shape.

    Returns:
        `numpy.memmap` of zeros.

    Raises:
        OSError: There is no room for it. Without the check, writing where the disk is
            full would end the process.
    """
    array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    if hasattr(os, "posix_fallocate"):  # macOS has none
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, Path(path).stat().st_size)
    return array


def write_text(path, text):
    """Write `text` to `path`, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path, content):
    """Write `content` as indented JSON; NaN is written as null, which JSON has."""
    write_text(path, json.dumps(jsonable(content), indent=2) + "\n")


class DamagedFileError(ValueError):
    """A file that keras_derm wrote is not what it was.

    Example:
        >>> read_json("runs/first/metrics.json", ("arms",), "run evaluate.py again")
        DamagedFileError: runs/first/metrics.json is damaged: run evaluate.py again ...
    """


def read_json(path, needed=(), way_out="remove it, and what wrote it writes it anew"):
    """Read a JSON file that keras_derm wrote.

    Args:
        path: The file.
        needed: Names that it must have, if it is an object; None for any content.
        way_out: What the user can do where it is damaged.

    Raises:
        FileNotFoundError: There is none.
        DamagedFileError: It is no JSON, or lacks a name.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DamagedFileError(
            f"{path} is damaged: {way_out}. Received: {shown(str(error))[1:-1]}"
        ) from error
    if needed is None:
        return content
    if not isinstance(content, dict):
        raise DamagedFileError(
            f"{path} is damaged: {way_out}. Received: {shown(content)}"
        )
    missing = [name for name in needed if content.get(name) is None]
    if missing:
        raise DamagedFileError(
            f"{path} is damaged, it lacks {', '.join(missing)}: {way_out}. "
            f"Received: {shown(list(content))}"
        )
    return content


def write_yaml(path, content):
    """Write `content` as YAML in the order of its keys."""
    write_text(path, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def write_csv(path, frame, index=False):
    """Write a pandas table as csv."""
    with atomic_path(path) as temporary:
        frame.to_csv(temporary, index=index)


def shown(value, most=200):
    """Return `repr(value)` for a message: in one line, and cut where it is long."""
    said = repr(value)
    if len(said) <= most:
        return said
    return f"{said[: most - 20]}... ({len(said):,} characters)"


def escaped(text, most=1000):
    """Return text for a terminal: control characters escaped, and cut where long."""
    told = "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text)[:most])
    return told if len(text) <= most else f"{told}... ({len(text):,} characters)"


def short_digest(content):
    """Return the first 16 hexadecimal digits of the SHA-256 of bytes."""
    return hashlib.sha256(content).hexdigest()[:16]


def jsonable(content):
    """Replace tuples and arrays by lists, NaN by None, at any depth: JSON has these."""
    if isinstance(content, dict):
        return {str(key): jsonable(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [jsonable(value) for value in content]
    if hasattr(content, "tolist"):
        return jsonable(content.tolist())
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content
