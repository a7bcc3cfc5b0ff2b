"""Workers of a training that are started on the machines of a Ray cluster."""

import contextlib
import tempfile
import threading
from pathlib import Path

from keras_derm.cluster.ray_cluster import check_place, connected

SECONDS_BETWEEN = 1.0
"""After which it is looked anew what the first worker has printed."""


def train_together(place, n_workers, train, folder):
    """Have workers train together, each a process with its TF_CONFIG.

    Ray's `TensorflowTrainer` starts them, each with one GPU where the cluster has as
    many, else with one processor, and waits for all. What the first one prints comes to
    this terminal; what Ray and the others say is in Ray's logs.

    Args:
        place: "local" or the address of a cluster, as of `on_cluster`.
        n_workers: How many.
        train: Function without arguments, which every worker calls.
        folder: Folder that all machines see, for what is written meanwhile.

    Raises:
        ImportError: Ray is not installed.
        ConnectionError: There is no cluster at the address.
        RuntimeError: The cluster has fewer processors, or a worker failed.
    """
    check_place(place)
    with connected(place) as cluster, _scratch(folder) as scratch:
        if cluster.n_processors < n_workers:
            raise RuntimeError(
                "each worker needs a processor of the cluster, which has "
                f"{cluster.n_processors}: ask for fewer. Received: "
                f"n_workers={n_workers}"
            )
        with _printed(scratch / "said.txt") as said:
            _fit(n_workers, _telling(train, said), scratch, cluster.n_gpus >= n_workers)


def _fit(n_workers, train, scratch, use_gpu):
    from ray.train import RunConfig, ScalingConfig
    from ray.train.tensorflow import TensorflowTrainer

    trainer = TensorflowTrainer(
        train,
        scaling_config=ScalingConfig(num_workers=n_workers, use_gpu=use_gpu),
        run_config=RunConfig(storage_path=str(scratch), name="workers"),
    )
    try:
        trainer.fit()
    except Exception as error:
        failures = getattr(error, "worker_failures", None) or {0: error}
        first = failures[min(failures)]
        cause = getattr(first, "cause", None) or first
        raise RuntimeError(
            "a worker failed; the same command goes on at the epoch that was reached. "
            f"Received: worker {min(failures)}: {type(cause).__name__}: {cause}"
        ) from error


def _telling(train, said):
    """The function of a worker, of which the first one prints to a file."""

    def work():
        from ray.train import get_context

        if get_context().get_world_rank() > 0:
            return train()
        with (
            open(said, "a", buffering=1, encoding="utf-8") as file,
            contextlib.redirect_stdout(file),
        ):
            return train()

    return work


@contextlib.contextmanager
def _printed(path):
    """Print what is written to a file during the block."""
    is_over = threading.Event()
    path.touch()

    def follow():
        with open(path, encoding="utf-8") as file:
            while True:
                ends = is_over.wait(SECONDS_BETWEEN)
                print(file.read(), end="", flush=True)
                if ends:
                    return

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield path
    finally:
        is_over.set()
        thread.join()


@contextlib.contextmanager
def _scratch(folder):
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".ray-", dir=folder) as scratch:
        yield Path(scratch)
