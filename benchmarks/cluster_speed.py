"""The same work by one process and by a Ray cluster, of which a machine is killed.

Ray's own utility makes a cluster of two machines of one processor each on this machine.
Audit (image checks and skin tone), preparation in shards and prediction are done by one
process, by the cluster twice, and by the cluster while its second machine is killed.
All must be equal to the bit, else the command fails. The first of the two by the
cluster holds the start of its processes, that of TensorFlow among them; the ratio is
that of the second. With `--once` the cluster does it once: of many photographs the
start is a small part. One process reads and checks photographs by two threads. On
processors that others use too the ratio says little: beside it stands that of pure
arithmetic.

What the command itself does is not spread: its processor seconds say how soon more
machines are of no use. From them, and from the seconds of one process, it is reckoned
what a million photographs would take.

Usage: python benchmarks/cluster_speed.py --data ham10000:PATH --n_images 300
       python benchmarks/cluster_speed.py --data ham10000:PATH --n_images 10015 \
           --once true
"""

import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from audit_speed import arithmetic
from jsonargparse import auto_cli

from keras_derm.catalog import check_images
from keras_derm.cluster.place import on_cluster
from keras_derm.cluster.work import work_on_each
from keras_derm.jobs.predict import predict
from keras_derm.layers import preparation
from keras_derm.pipeline import prepare
from keras_derm.readers import read_data_source
from keras_derm.skin_tone import measure

SHIPPED = Path(__file__).parents[1] / "saved_models/dermoscopy.tflite"
N_EMPTY = 3200
MILLION, N_MACHINES = 1_000_000, 10


def audited(catalog, folder):
    """Checks and skin tone, as bytes."""
    checked, faults = check_images(catalog, skip_bad=True)
    angles = measure(checked, n_workers=1)
    parts = checked.table, faults, angles
    return [pd.util.hash_pandas_object(part).to_numpy().tobytes() for part in parts]


def prepared(catalog, folder):
    """The bytes of every shard and of the index."""
    chain = preparation("keras_derm", 96)
    prepare(catalog, chain, folder / "prepared", images_per_shard=32)
    return {p.name: p.read_bytes() for p in sorted((folder / "prepared").iterdir())}


def predicted(catalog, folder):
    """The bytes of the csv."""
    output = folder / "found.csv"
    predict(str(SHIPPED), catalog.paths, str(output), batch_size=16)
    return output.read_bytes()


WORKS = {"audit": audited, "prepare": prepared, "predict": predicted}


def nothing(number):
    """No work: what is left is what Ray costs."""
    return number


def timed(work, catalog):
    """Seconds, processor seconds of this process, and what comes of it."""
    with tempfile.TemporaryDirectory() as folder:
        start, own = time.perf_counter(), time.process_time()
        found = work(catalog, Path(folder))
        return time.perf_counter() - start, time.process_time() - own, found


class KilledAfter:
    """Kills a machine of a cluster some seconds after the block has begun."""

    def __init__(self, pids, seconds):
        self.command = f"sleep {seconds:.1f}; kill -9 {' '.join(map(str, pids))}"

    def __enter__(self):
        self.process = subprocess.Popen(["sh", "-c", self.command])

    def __exit__(self, *_):
        self.process.wait()


def main(
    data: str = "phantom:n=200,seed=7,size=128",
    n_images: int = 200,
    works: list[str] | None = None,
    once: bool = False,
) -> None:
    """Print seconds and their ratio for each work, and the overhead of an image.

    Args:
        data: Data source READER:PATH.
        n_images: Photographs, the first of the archive.
        works: Some of audit, prepare and predict; all by default.
        once: Leave out the second time by the cluster, of which the ratio is else.
    """
    from ray.cluster_utils import Cluster

    catalog = read_data_source(data)
    catalog = catalog.where(np.arange(len(catalog)) < n_images)
    n_images = len(catalog)
    machine = {"num_cpus": 1, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=machine)
    try:
        for name in works or WORKS:
            compare(name, catalog, cluster, once)
        told_of_overhead(cluster)
    finally:
        cluster.shutdown()


def compare(name, catalog, cluster, once):
    """Print and check one work."""
    work, n = WORKS[name], len(catalog)
    free = arithmetic(2) / arithmetic(1)
    alone, used, expected = timed(work, catalog)
    node = cluster.add_node(num_cpus=1)
    with on_cluster(cluster.address):
        times, own, found = zip(
            *(timed(work, catalog) for _ in range(1 if once else 2)), strict=True
        )
    check(name, all(one == expected for one in found))
    pids = [p.process.pid for each in node.all_processes.values() for p in each]
    with on_cluster(cluster.address), KilledAfter(pids, times[-1] / 3):
        killed, _, found = timed(work, catalog)
    cluster.remove_node(node, allow_graceful=False)
    check(f"{name} with a machine killed", found == expected)
    each = " then ".join(f"{seconds:.1f} s" for seconds in times)
    print(
        f"{name}: {n} photographs, one process {alone:.1f} s, two machines {each}, "
        f"{killed:.1f} s with one killed; {alone / times[-1]:.2f} times as fast (pure "
        f"arithmetic by two processes against one: {free:.2f}); equal to the bit",
        flush=True,
    )
    # Whichever takes longer: what machines share, or what the command does alone.
    shared, serial = (MILLION / n * each for each in (used / N_MACHINES, own[-1]))
    print(
        f"  processor seconds: one process {used:.1f}, the command itself with the "
        f"cluster {own[-1]:.1f}; reckoned for a million photographs: one processor "
        f"{MILLION / n * used / 3600:.1f} h, {N_MACHINES} machines of one "
        f"{max(shared, serial) / 3600:.1f} h, no less than {serial / 3600:.1f} h with "
        "any number",
        flush=True,
    )


def check(name, is_equal):
    """End with an error where results differ."""
    if not is_equal:
        raise SystemExit(f"{name}: the cluster gives other results than one process")


def told_of_overhead(cluster):
    """Print what Ray costs for an item that is no work."""
    with on_cluster(cluster.address):
        list(work_on_each(nothing, range(64)))
        start = time.perf_counter()
        list(work_on_each(nothing, range(N_EMPTY)))
        seconds = time.perf_counter() - start
    print(f"overhead: {1000 * seconds / N_EMPTY:.2f} ms for each of {N_EMPTY} items")


if __name__ == "__main__":
    auto_cli(main)
