"""Portions of items, as they are sent to other processes."""

import itertools

import cv2


def portions_of(items, size):
    """Yield lists of up to `size` items, as these are asked for."""
    items = iter(items)
    while portion := list(itertools.islice(items, size)):
        yield portion


def all_of(work, portion):
    """Results of the items of a portion, a list."""
    return [work(item) for item in portion]


def on_one_thread(work, portion):
    """`all_of`, in a process that shares its machine with its like."""
    # joblib and Ray limit the threads of BLAS and OpenMP, but not those of OpenCV.
    cv2.setNumThreads(1)
    return all_of(work, portion)
