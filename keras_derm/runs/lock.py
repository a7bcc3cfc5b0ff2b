"""One process at a time works on a run directory."""

import contextlib
import json
import os
import platform
import shlex
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import filelock

from keras_derm.files import write_json

_held: set[Path] = set()


class RunLockedError(RuntimeError):
    """Another process is working on the run directory.

    Example:
        >>> with pytest.raises(RunLockedError, match="process 4711 on gpu3"):
        ...     run_stage("evaluate", "runs/first")
    """


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes from working on a run directory.

    The operating system gives the lock back when the process ends, however it ends;
    what a dead process has left is taken over, with a word. A process that has the
    lock may enter again.

    Args:
        path: The run directory; made where it is absent.

    Raises:
        RunLockedError: Another process is working on it, with its host and process id.

    Example:
        >>> with locked(Path("runs/first")):
        ...     ...
    """
    path = path.resolve()
    if path in _held:
        yield
        return
    (path / "stages").mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path / "stages/lock", timeout=0)
    holder = path / "stages/lock.holder"
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise RunLockedError(
            f"{path} is being worked on by {_described(holder)}: wait for it, or end "
            "it. Two processes would write over each other's results. "
            f"Received: {path}"
        ) from error
    _held.add(path)
    try:
        if holder.is_file():
            print(f"{path}: taken over from {_described(holder)}, which is gone")
        write_json(holder, _this_process())
        yield
    finally:
        holder.unlink(missing_ok=True)
        _held.discard(path)
        lock.release()


def _this_process() -> dict[str, Any]:
    return {
        "host": platform.node(),
        "process": os.getpid(),
        "since": datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": shlex.join(sys.argv),
    }


def _described(holder: Path) -> str:
    """The process that has the lock, in words."""
    try:
        found = json.loads(holder.read_text(encoding="utf-8"))
        return (
            f"process {found['process']} on {found['host']} since {found['since']} "
            f"({found['command']})"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "a process that does not say which it is"
