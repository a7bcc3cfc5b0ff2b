"""Folders for what libraries cache, where the user's own cannot be written.

This is read before anything else of the package. What it imports is there when Python
has begun: until `keras_derm.jobs.command_line` is read, Python answers Ctrl-C with a
traceback.
"""

import os
import stat


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
    if unusable:
        folder = _private_folder()
        for variable in unusable if folder else ():
            os.environ[variable] = os.path.join(folder, variable.lower())


def image_cache():
    """Folder of images that are rendered or unpacked: they stay, as runs name them.

    Rows that are to go into an object store are kept there, too.

    Returns:
        `$KERAS_DERM_CACHE`, or else `~/.cache/keras_derm`, a str.

    Raises:
        PermissionError: The variable is not set, and the user has no writable home.
    """
    chosen = os.environ.get("KERAS_DERM_CACHE")
    folder = chosen or os.path.join(os.path.expanduser("~"), ".cache", "keras_derm")
    if not (chosen or os.path.isdir(folder) or _is_writable(folder)):
        raise PermissionError(
            "images that are rendered or unpacked need a folder, and this user has no "
            "home to write to: set KERAS_DERM_CACHE to one that stays. "
            f"Received: {folder!r}"
        )
    return folder


def _is_writable(path):
    """Whether files can be written in a folder, which need not be there yet."""
    if not os.path.isabs(path):
        return False
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return os.path.isdir(path) and os.access(path, os.W_OK | os.X_OK)


def _private_folder():
    """A folder in the temporary one that nobody else can have put files into.

    None where no folder can be made at all: inference needs none.
    """
    import tempfile

    try:
        if hasattr(os, "getuid"):
            folder = os.path.join(tempfile.gettempdir(), f"keras_derm-{os.getuid()}")
            if not os.path.lexists(folder):
                os.makedirs(folder, mode=0o700, exist_ok=True)
            facts = os.lstat(folder)
            is_own = stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid()
            if is_own and not facts.st_mode & 0o077:
                return folder
        return tempfile.mkdtemp(prefix="keras_derm-")
    except OSError:
        return None
