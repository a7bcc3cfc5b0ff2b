"""Speed and peak memory of measuring the skin tones of an archive.

Each run is a process of its own, which starts its worker processes itself: images per
second count their start. Memory must stay flat in the number of images. Beside the
ratio of speeds stands that of pure arithmetic, which is 2 only where two processors are
free.

Usage: python benchmarks/audit_speed.py --data ham10000:PATH --counts [500,5000]
"""

import json
import subprocess
import sys

import numpy as np
from jsonargparse import auto_cli

CHILD = """
import json, resource, sys, time
import numpy as np
from joblib.externals.loky import get_reusable_executor
from keras_derm.readers import read_data_source
from keras_derm.skin_tone import measure

data, n, n_workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
catalog = read_data_source(data)
catalog = catalog.where(np.arange(len(catalog)) < n)
before = resource.getrusage(resource.RUSAGE_SELF)
start = time.perf_counter()
measure(catalog, n_workers=n_workers)
seconds = time.perf_counter() - start
if n_workers > 1:
    get_reusable_executor().shutdown()  # only ended processes are accounted for
me = resource.getrusage(resource.RUSAGE_SELF)
workers = resource.getrusage(resource.RUSAGE_CHILDREN)
cpu = me.ru_utime + me.ru_stime - before.ru_utime - before.ru_stime
if n_workers > 1:
    cpu += workers.ru_utime + workers.ru_stime
print(json.dumps({
    "images": len(catalog),
    "speed": len(catalog) / seconds,
    "cpu": 1000 * cpu / len(catalog),
    "parent": me.ru_maxrss / 1024,
    "worker": workers.ru_maxrss / 1024 if n_workers > 1 else 0,
}))
"""

ARITHMETIC = """
import time
end, n = time.perf_counter() + 2, 0
while time.perf_counter() < end:
    n += 1
    sum(range(1000))
print(n)
"""


def arithmetic(n_processes):
    """Return how much pure arithmetic some processes do in two seconds."""
    command = [sys.executable, "-c", ARITHMETIC]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(n_processes)
    ]
    return sum(int(process.communicate()[0]) for process in processes)


def run(data, count, n_workers):
    """Measure the first images of a source in a new process; return its figures."""
    result = subprocess.run(
        [sys.executable, "-c", CHILD, data, str(count), str(n_workers)],
        capture_output=True,
        text=True,
    )
    if result.returncode:
        raise SystemExit(result.stderr)
    return json.loads(result.stdout.splitlines()[-1])


def main(
    data: str = "phantom:n=600,seed=7,size=128",
    counts: list[int] | None = None,
    rounds: int = 3,
) -> None:
    """Print speed and memory in one and two processes, and the ratio of speeds.

    Args:
        data: Data source READER:PATH.
        counts: Numbers of images; 300 and 600 by default. One process does all where
            there are 256 or fewer.
        rounds: Runs of each kind, taken in turn; the fastest counts.
    """
    for count in counts or [300, 600]:
        found, possible = {1: [], 2: []}, {1: [], 2: []}
        for _ in range(rounds):
            for n_workers in found:
                found[n_workers].append(run(data, count, n_workers))
                possible[n_workers].append(arithmetic(n_workers))
        for n_workers, results in found.items():
            print(describe(n_workers, results))
        one, two = (max(r["speed"] for r in results) for results in found.values())
        free = max(possible[2]) / max(possible[1])
        print(
            f"two processes against one: {two / one:.2f}; "
            f"of pure arithmetic: {free:.2f}",
            flush=True,
        )


def describe(n_workers, results):
    """Return a line on the runs of one kind."""
    peak = {name: max(one[name] for one in results) for name in results[0]}
    cpu = np.median([one["cpu"] for one in results])
    workers = f", each worker {peak['worker']:.0f} MiB" if n_workers > 1 else ""
    return (
        f"{peak['images']} images, {n_workers} process{'es' * (n_workers > 1)}: "
        f"{peak['speed']:.1f} images/s; processor time {cpu:.1f} ms an image; "
        f"peak memory {peak['parent']:.0f} MiB{workers}"
    )


if __name__ == "__main__":
    auto_cli(main)
