"""Where work is done: here, or on a Ray cluster that was chosen around it."""

import contextlib
import contextvars
import functools

NOWHERE_ELSE = "none"
"""The place of work that stays on this machine, as it does without Ray."""

_CURRENT = contextvars.ContextVar("cluster", default=None)


@contextlib.contextmanager
def on_cluster(place):
    """Have `work_on_each` work on a cluster within the block.

    Args:
        place: "none" for this process and others of this machine, without Ray; "local"
            for a Ray cluster of this machine alone, which is started for the block;
            or the address of one that is there, as `ray start --head` tells it
            (HOST:PORT, "auto" on one of its machines, ray://HOST:PORT from outside).

    Raises:
        ImportError: Ray is not installed.
        ConnectionError: There is no cluster at the address.

    Example:
        >>> with on_cluster("10.0.0.1:6379"):
        ...     frame = measure(catalog)
    """
    if place == NOWHERE_ELSE:
        yield
        return
    from keras_derm.cluster.ray_cluster import check_place, connected

    check_place(place)
    with contextlib.ExitStack() as stack:
        # What is done already needs no cluster: it is connected to where it is used.
        connect = functools.cache(lambda: stack.enter_context(connected(place)))
        token = _CURRENT.set(connect)
        try:
            yield
        finally:
            _CURRENT.reset(token)


def current_cluster():
    """The `RayCluster` that was chosen by `on_cluster`, or None."""
    connect = _CURRENT.get()
    return None if connect is None else connect()
