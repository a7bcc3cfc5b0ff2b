"""Work on many items, in one process, in several, or on a cluster."""

import contextlib

import cloudpickle
import joblib
from rich.progress import track

from keras_derm.cluster.place import current_cluster
from keras_derm.cluster.portions import all_of, on_one_thread, portions_of
from keras_derm.terminal import silenced

FEW = 500
"""Photographs up to which starting processes takes as long as they save."""

AT_ONCE = 16
"""Photographs that are sent to another process at once."""


def work_on_each(
    work,
    items,
    what=None,
    n_items=None,
    at_once=AT_ONCE,
    few=FEW,
    on_threads=False,
    n_workers=None,
):
    """Do the same work on every item, and yield the results in the order of the items.

    Within `on_cluster` the work is spread over a cluster. Elsewhere it is done here for
    few items, and for more in processes of this machine. These import what the work
    needs and not the caller's script, so that TensorFlow is not loaded in each, and use
    one thread each: more would only wait for one another. Results are the same wherever
    it is done; an error of the work ends it and is raised as it was, that of the first
    such item.

    Args:
        work: Function of one of `items`; it and its results must be fit to be sent to
            another process.
        items: Iterable of what the function takes; it is not read far ahead.
        what: What the progress bar calls it; None for no bar.
        n_items: How many items there are, where they have no length.
        at_once: Items that are sent to another process at once.
        few: Number of items up to which this process does them alone, where
            `n_workers` does not say otherwise; None where it does any number.
        on_threads: Whether it is done by threads of this process where there is no
            cluster: for work that leaves Python's lock alone, such as decoding.
        n_workers: Number of processes or threads; by default one per processor that
            this process may use. On a cluster it says nothing.

    Returns:
        Iterator of the results.

    Example:
        >>> sizes = work_on_each(size_of, paths, "Measuring photographs")
    """
    n_items = len(items) if n_items is None else n_items
    portions = portions_of(items, at_once)
    cluster = current_cluster()
    if cluster is not None:
        done = cluster.each(work, portions)
    else:
        done = _here(work, portions, n_items, few, on_threads, n_workers)
    results = _flat(done)
    if what is None:
        return results
    return track(results, what, total=n_items, transient=True)


def _here(work, portions, n_items, few, on_threads, n_workers):
    """Lists of the results of each portion, one after the other."""
    if n_workers is None:
        is_little = few is None or (n_items <= few and not on_threads)
        n_workers = 1 if is_little else joblib.cpu_count()
    if n_workers == 1:
        return ((work(item) for item in portion) for portion in portions)
    if on_threads:
        function, kind = all_of, "threads"
    else:
        function, kind, work = _quietly, "processes", cloudpickle.dumps(work)
    parallel = joblib.Parallel(
        n_workers, prefer=kind, return_as="generator", batch_size=1
    )
    return parallel(joblib.delayed(function)(work, part) for part in portions)


def _quietly(pickled, portion):
    """`on_one_thread`; what the work needs, such as TensorFlow, is loaded unheard."""
    with silenced():
        work = cloudpickle.loads(pickled)
    return on_one_thread(work, portion)


def _flat(done):
    with contextlib.closing(done):
        for portion in done:
            yield from portion
