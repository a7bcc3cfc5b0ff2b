"""Peak memory of classifying few and many photographs: it must stay flat.

Each run is a process of its own, over a folder of links to the same photographs.

Usage: python benchmarks/predict_memory.py MODEL PHOTOGRAPH --counts [100,1000]
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from jsonargparse import auto_cli

CHILD = """
import sys
from keras_derm.export.memory import peak_bytes
from keras_derm.jobs.predict import predict
predict(sys.argv[1], sys.argv[2], sys.argv[3])
print(round(peak_bytes() / 1e6))
"""


def main(model: str, photograph: str, counts: list[int] | None = None) -> None:
    """Print peak memory (VmHWM) and photographs a second, start included.

    Args:
        model: A model as predict.py takes it.
        photograph: Image that stands for all.
        counts: Numbers of photographs; 100 and 1,000 by default.
    """
    source = Path(photograph).resolve()
    for count in counts or [100, 1000]:
        with tempfile.TemporaryDirectory() as folder:
            images = Path(folder, "images")
            images.mkdir()
            for i in range(count):
                (images / f"{i:06d}{source.suffix}").symlink_to(source)
            start = time.perf_counter()
            command = [sys.executable, "-c", CHILD, model, images]
            result = subprocess.run(
                [*command, Path(folder, "found.csv")], capture_output=True, text=True
            )
            seconds = time.perf_counter() - start
        if result.returncode:
            raise SystemExit(result.stderr)
        peak = result.stdout.splitlines()[-1]
        print(f"{count:,} photographs: {peak} MB, {count / seconds:.1f} a second")


if __name__ == "__main__":
    auto_cli(main)
