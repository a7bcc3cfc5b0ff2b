"""Folders for what libraries cache, where the user's own cannot be written."""

import contextlib
import os
import stat
import tempfile
from pathlib import Path


def provide_cache_folders():
    """Point libraries that cache at a writable folder where their usual one is not.

    Without a writable home or install numba, and so umap-learn, cannot be imported;
    Keras reads settings that another user may have left in /tmp; Matplotlib lists the
    fonts anew in each process. The folder is of this user alone and stays, so that
    the caches serve the next process. Variables that are set are left as they are.

    To be called before the libraries are imported.
    """
    home = os.path.expanduser("~")
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    config = os.environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    usual = {
        "NUMBA_CACHE_DIR": [cache],
        "MPLCONFIGDIR": [config, cache],
        "KERAS_HOME": [home],
    }
    unusable = [
        variable
        for variable, folders in usual.items()
        if not os.environ.get(variable) and not all(map(_is_writable, folders))
    ]
    # Where no folder can be made at all, inference needs none.
    with contextlib.suppress(OSError):
        folder = _private_folder() if unusable else None
        for variable in unusable:
            os.environ[variable] = str(folder / variable.lower())


def _is_writable(path):
    """Whether files can be written in a folder, which need not be there yet."""
    path = Path(path)
    there = next(p for p in (path, *path.parents) if os.path.exists(p))
    writable = os.path.isdir(there) and os.access(there, os.W_OK | os.X_OK)
    return path.is_absolute() and writable


def _private_folder():
    """A folder in the temporary one that nobody else can have put files into."""
    if hasattr(os, "getuid"):
        folder = Path(tempfile.gettempdir(), f"keras_derm-{os.getuid()}")
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        facts = folder.lstat()
        is_own = stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid()
        if is_own and not facts.st_mode & 0o077:
            return folder
    return Path(tempfile.mkdtemp(prefix="keras_derm-"))
