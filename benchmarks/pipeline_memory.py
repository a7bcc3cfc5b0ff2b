"""Peak memory of preparing few and many images of an archive: it must stay flat.

Each run is a process of its own.

Usage: python benchmarks/pipeline_memory.py --data ham10000:PATH --counts [1000,10000]
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from jsonargparse import auto_cli

CHILD = """
import sys
import numpy as np
from keras_derm.readers import read_data_source
from keras_derm.layers import preparation
from keras_derm.pipeline import prepare

data, n, size, preset, folder = sys.argv[1:]
catalog = read_data_source(data)
rows = np.zeros(len(catalog), bool)
rows[: int(n)] = True
catalog = catalog.where(isic_id=catalog.table["isic_id"][rows].tolist())
prepare(catalog, preparation(preset, int(size)), folder)
for line in open("/proc/self/status"):
    if line.startswith(("VmHWM", "RssAnon")):
        print(len(catalog), line.split(":")[0], int(line.split()[1]) // 1024, "MiB")
"""


def main(
    data: str = "phantom:n=2000,seed=7,size=128",
    counts: list[int] | None = None,
    size: int = 96,
    preset: str = "sn_gan_ensemble",
) -> None:
    """Print peak memory (VmHWM) and what is not backed by files (RssAnon).

    Args:
        data: Data source READER:PATH.
        counts: Numbers of images; 200 and 2,000 by default.
        size: Side of the prepared images in pixels.
        preset: Chain of layers.
    """
    for count in counts or [200, 2000]:
        with tempfile.TemporaryDirectory() as folder:
            arguments = [data, str(count), str(size), preset]
            target = str(Path(folder) / "prepared")
            result = subprocess.run(
                [sys.executable, "-c", CHILD, *arguments, target],
                capture_output=True,
                text=True,
            )
        if result.returncode:
            raise SystemExit(result.stderr)
        print(result.stdout, end="", flush=True)


if __name__ == "__main__":
    auto_cli(main)
