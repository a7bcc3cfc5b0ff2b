"""Work on many files, in one process or in several."""

import itertools

import cv2
import joblib
from rich.progress import track

FEW_FILES = 500
"""Files up to which starting processes takes as long as they save."""

_AT_ONCE = 16


def work_on_each(work, files, what, n_workers=None):
    """Do the same work on every file, with a progress bar.

    With more than 500 files the work is spread over processes. These import what the
    work needs and not the caller's script, so that TensorFlow is not loaded in each,
    and use one thread each: more would only wait for one another.

    Args:
        work: Function of one of `files`; it and its results must be fit to be sent
            to another process.
        files: List of what the function takes.
        what: What the progress bar calls it.
        n_workers: Number of processes; by default one per processor that this
            process may use.

    Returns:
        List of the results, in the order of `files`.
    """
    n_workers = n_workers or joblib.cpu_count()
    if n_workers == 1 or len(files) <= FEW_FILES:
        return [work(file) for file in track(files, what, transient=True)]
    starts = range(0, len(files), _AT_ONCE)
    portions = [files[start : start + _AT_ONCE] for start in starts]
    parallel = joblib.Parallel(n_workers, return_as="generator", batch_size=1)
    done = parallel(joblib.delayed(_on_one_thread)(work, part) for part in portions)
    results = itertools.chain.from_iterable(done)
    return list(track(results, what, total=len(files), transient=True))


def _on_one_thread(work, files):
    # joblib limits the threads of BLAS and OpenMP, but not those of OpenCV.
    cv2.setNumThreads(1)
    return [work(file) for file in files]
