"""Work on the machines of a Ray cluster."""

import collections
import contextlib
import importlib
import importlib.util
import os
import platform
import socket
import uuid

import joblib

from keras_derm.cluster.portions import on_one_thread

MOST_RETRIES = 3
"""How often a task that died with its process or machine is begun again."""

IN_FLIGHT = 2
"""Tasks that are under way or waiting at once, for each processor of the cluster."""

SECONDS_TO_ANSWER = 10
"""Within which a cluster must answer: Ray itself waits for many minutes."""

NEEDED = "Ray, which `pip install 'keras_derm[cluster]'` brings"


_LOADED = {}
"""The function that this process of a cluster works with, by its key."""


class RayCluster:
    """Spreads work over a Ray cluster by plain tasks.

    A task has a few items; its results come back in order. What dies with a machine,
    a task or a result that was not fetched yet, is done again on another; nothing else
    is. Few tasks are under way at once, however many items there are. A machine that
    joins while work is done takes its part.

    Args:
        ray: The module, connected.

    Example:
        >>> with connected("auto") as cluster:
        ...     done = list(cluster.each(work, [[1, 2], [3]]))
    """

    def __init__(self, ray):
        self._ray = ray
        self._task = ray.remote(_work_on_portion).options(
            num_cpus=1, max_retries=MOST_RETRIES
        )

    @property
    def n_processors(self):
        """Processors of all machines that are there now."""
        return max(int(self._ray.cluster_resources().get("CPU", 0)), 1)

    @property
    def n_gpus(self):
        """GPUs of all machines that are there now."""
        return int(self._ray.cluster_resources().get("GPU", 0))

    def each(self, work, portions):
        """Yield the list of the results of each portion, in their order.

        Args:
            work: Function of one item.
            portions: Iterable of lists of items.

        Raises:
            RuntimeError: A portion was lost again and again, or a machine has another
                version of keras_derm.
            Exception: What `work` raises, of the first item for which it does.
        """
        # As bytes, that a process reads it once, and after its threads were limited.
        code = self._ray.put(self._ray.cloudpickle.dumps(work))
        key, portions = uuid.uuid4().hex, iter(portions)
        under_way = collections.deque()
        try:
            while True:
                while len(under_way) < IN_FLIGHT * self.n_processors:
                    portion = next(portions, None)
                    if portion is None:
                        break
                    task = self._task.remote(_version(), key, code, portion)
                    under_way.append((task, portion))
                if not under_way:
                    return
                yield self._result(*under_way.popleft())
        finally:
            # Ray would start a cluster of its own where it is not connected any more.
            for task, _ in under_way if self._ray.is_initialized() else ():
                self._ray.cancel(task)

    def _result(self, task, portion):
        errors = self._ray.exceptions
        try:
            return self._ray.get(task)
        except errors.RayTaskError as error:
            raise error.cause from error
        except errors.RayError as error:
            raise RuntimeError(
                "the cluster lost a task and could not do it again: a machine is "
                "gone, or had not enough memory (`ray status` and Ray's logs tell). "
                "The same command begins anew with what is not kept. "
                f"Received: {type(error).__name__} of {len(portion)} items, the first "
                f"{portion[0]!r}"
            ) from error


def check_place(place):
    """Refuse a place where there can be no cluster.

    Args:
        place: "local" or an address, as of `on_cluster`.

    Raises:
        ImportError: Ray is not installed.
        ConnectionError: Nothing answers at the address.
    """
    if importlib.util.find_spec("ray") is None:
        raise ImportError(
            f"`cluster` needs {NEEDED}; without `cluster` the work is done by the "
            f"processors of this machine. Received: cluster={place!r}"
        )
    if place in ("local", "auto"):  # Ray knows whether one runs here
        return
    host, _, port = place.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), SECONDS_TO_ANSWER).close()
    except (OSError, ValueError) as error:
        raise _nobody_there(place, error) from error


@contextlib.contextmanager
def connected(place):
    """Connect to a cluster for the block, unless this process is connected already.

    Args:
        place: "local" or an address, as of `on_cluster`.

    Yields:
        `RayCluster`.

    Raises:
        ConnectionError: There is no cluster at the address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell its makers
    import ray

    if ray.is_initialized():
        yield RayCluster(ray)
        return
    options = {"log_to_driver": False, "logging_level": "ERROR"}
    if place == "local":
        options |= {"num_cpus": joblib.cpu_count(), "include_dashboard": False}
    try:
        ray.init(place, **options)
    except (OSError, ValueError, RuntimeError) as error:
        raise _nobody_there(place, error) from error
    try:
        yield RayCluster(ray)
    finally:
        ray.shutdown()


def _nobody_there(place, error):
    return ConnectionError(
        "there is no Ray cluster at this address: start one (`ray start --head` "
        "tells its address, `ray start --address ADDRESS` joins it), or name local "
        f"for one of this machine alone. Received: cluster={place!r} ({error})"
    )


def _version():
    # The package itself, which rooms do not import, has it.
    return importlib.import_module("keras_derm").__version__


def _work_on_portion(version, key, code, portion):
    """What a process of the cluster does."""
    if version != _version():
        raise RuntimeError(
            "every machine of the cluster needs the same keras_derm. Received: "
            f"{_version()} on {platform.node()}, {version} where it was asked for"
        )
    return on_one_thread(_loaded(key, code), portion)


def _loaded(key, code):
    """The function that was sent, read once by a process."""
    if key not in _LOADED:
        for kind in ("INTRAOP", "INTEROP"):  # before TensorFlow is loaded with it
            os.environ.setdefault(f"TF_NUM_{kind}_THREADS", "1")
        import ray

        _LOADED.clear()
        _LOADED[key] = ray.cloudpickle.loads(code)
    return _LOADED[key]
