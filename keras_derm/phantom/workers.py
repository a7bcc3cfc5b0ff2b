"""Run rendering in processes of their own.

`multiprocessing` would import the caller's script again in every worker: it fails in
a notebook cell or a script without a main guard, and loads TensorFlow once a worker
where the script uses it. These workers load the phantom alone.
"""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

PACKAGE_PARENT = str(Path(__file__).resolve().parents[2])
ENTRY = "from keras_derm.phantom.data_set import work; work()"


def render_in_processes(tasks, settings, root, workers):
    """Render `tasks` in `workers` processes; yield once for each finished one.

    Args:
        tasks: List of (index, row of `population` as a dictionary).
        settings: The data set's settings.
        root: Directory of the data set.
        workers: Number of processes.

    Raises:
        RuntimeError: If a worker fails; the message ends with what it printed.
    """
    finished = queue.Queue()
    shares = [tasks[start::workers] for start in range(workers)]
    processes = []
    try:
        for share in shares:
            job = {"settings": settings, "root": str(root), "tasks": share}
            processes.append(_start(job, finished))
        running = workers
        while running:
            message = finished.get()
            if message is None:
                running -= 1
            else:
                yield message
        for process, errors in processes:
            if process.wait():
                errors.seek(0)
                raise RuntimeError(
                    "A phantom worker failed. Start again to go on where it stood. "
                    f"Received: {errors.read().decode(errors='replace')[-2000:]}"
                )
    finally:
        for process, errors in processes:
            process.kill()
            process.wait()
            errors.close()


def _start(job, finished):
    """Start a process that prints a line for every photograph it has written."""
    path = os.pathsep.join(filter(None, [PACKAGE_PARENT, os.environ.get("PYTHONPATH")]))
    errors = tempfile.TemporaryFile()  # noqa: SIM115 (the caller closes it)
    process = subprocess.Popen(
        [sys.executable, "-c", ENTRY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        env={**os.environ, "PYTHONPATH": path},
    )

    def follow():
        try:
            process.stdin.write(json.dumps(job).encode())
            process.stdin.close()
        except BrokenPipeError:
            pass  # the exit status tells the parent
        for line in process.stdout:
            finished.put(int(line))
        finished.put(None)

    threading.Thread(target=follow, daemon=True).start()
    return process, errors
