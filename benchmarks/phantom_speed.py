"""Measure how fast the phantom renders to disk, with every truth.

Example: python benchmarks/phantom_speed.py --n 200 --size 256 --workers 2
"""

import os
import resource
import tempfile
import time

from jsonargparse import auto_cli

from keras_derm.phantom import render


def measure(n: int = 200, size: int = 256, workers: int = 2, seed: int = 7) -> None:
    """Render into a temporary directory and print images per second.

    Args:
        n: Images.
        size: Height and width in pixels.
        workers: Processes.
        seed: Seed of the phantom.
    """
    with tempfile.TemporaryDirectory() as directory:
        start = time.perf_counter()
        render(n, seed, size, directory=directory, workers=workers, progress=False)
        seconds = time.perf_counter() - start
        stored = sum(
            os.path.getsize(os.path.join(folder, name))
            for folder, _, names in os.walk(directory)
            for name in names
        )
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF,
                                                 resource.RUSAGE_CHILDREN)]  # fmt: skip
    cpu = sum(part.ru_utime + part.ru_stime for part in usage)
    print(f"{n} images of {size} px, {workers} processes: {n / seconds:.1f} images/s")
    print(f"wall {seconds:.1f} s; processor time {1000 * cpu / n:.0f} ms an image")
    print(f"on disk {stored / n / 1024:.0f} KiB an image")
    print(
        f"largest memory: parent {usage[0].ru_maxrss / 1024:.0f} MiB, "
        f"worker {usage[1].ru_maxrss / 1024:.0f} MiB"
    )


if __name__ == "__main__":
    auto_cli(measure)
