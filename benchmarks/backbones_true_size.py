"""Every backbone at its published size: one training step, one prediction, one file.

Each runs in a process of its own. Exits with 1 where one needs more memory than the
limit, or predicts something else after it was saved and read again.

Usage: python benchmarks/backbones_true_size.py [--batch_size 8] [--limit_gb 16]
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from jsonargparse import auto_cli

from keras_derm.classifiers import BACKBONES, build_classifier, load_classifier
from keras_derm.export.memory import peak_bytes

N_CLASSES = 8


def measure(backbone, batch_size):
    """Train, predict, save and read one backbone in this process."""
    keras.utils.set_random_seed(0)
    model = build_classifier(backbone, N_CLASSES)
    model.compile("adamw", "categorical_crossentropy")
    side = BACKBONES[backbone].image_size
    generator = np.random.default_rng(0)
    images = generator.uniform(0, 255, (batch_size, side, side, 3)).astype("float32")
    targets = np.eye(N_CLASSES, dtype="float32")[np.arange(batch_size) % N_CLASSES]
    first, loss = timed(lambda: model.train_on_batch(images, targets))
    second, _ = timed(lambda: model.train_on_batch(images, targets))
    before = model.predict(images, verbose=0)  # the first call traces the graph
    predicting, before = timed(lambda: model.predict(images, verbose=0))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        file_mb = path.stat().st_size / 1e6
        after = load_classifier(path).predict(images, verbose=0)
    return {
        "side": side,
        "parameters": model.count_params() / 1e6,
        "loss": float(loss),
        "first_step": first,
        "second_step": second,
        "prediction": predicting,
        "file_mb": file_mb,
        "difference": float(np.abs(after - before).max()),
        "finite": bool(np.isfinite(before).all() and np.isfinite(loss)),
        "peak_gb": peak_bytes() / 1e9,
    }


def timed(function):
    """Seconds that a function took, and what it returned."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def in_own_process(backbone, batch_size):
    """`measure` in another process, whose peak memory is of this backbone alone."""
    arguments = ["--backbones", f"[{backbone}]", "--batch_size", str(batch_size)]
    arguments += ["--child", "true"]
    done = subprocess.run(
        [sys.executable, __file__, *arguments], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{backbone} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def main(
    backbones: list[str] | None = None,
    batch_size: int = 8,
    limit_gb: float = 16.0,
    tolerance: float = 1e-6,
    child: bool = False,
) -> None:
    """Print peak memory (VmHWM), times and what saving changed.

    Args:
        backbones: Names in keras_derm.classifiers.BACKBONES; all by default.
        batch_size: Images of the training step and of the prediction.
        limit_gb: Memory that each must fit, in GB.
        tolerance: Largest difference of probabilities after reading the file.
        child: Measure one backbone in this process: what the benchmark calls itself
            with.
    """
    if child:
        print(json.dumps(measure(backbones[0], batch_size)))
        return
    print(f"batch {batch_size}, 8 classes, AdamW; memory in GB, times in s")
    print(
        f"{'backbone':<18} {'side':>4} {'million':>7} {'peak':>6} {'1st step':>8} "
        f"{'2nd step':>8} {'predict':>7} {'file MB':>7} {'difference':>10}"
    )
    all_right = True
    for backbone in backbones or BACKBONES:
        found = in_own_process(backbone, batch_size)
        right = found["finite"] and found["peak_gb"] <= limit_gb
        right &= found["difference"] <= tolerance
        all_right &= right
        print(
            f"{backbone:<18} {found['side']:>4} {found['parameters']:>7.1f} "
            f"{found['peak_gb']:>6.2f} {found['first_step']:>8.1f} "
            f"{found['second_step']:>8.1f} {found['prediction']:>7.1f} "
            f"{found['file_mb']:>7.1f} {found['difference']:>10.1e}"
            f"{'' if right else '  FAILS'}",
            flush=True,
        )
    if not all_right:
        raise SystemExit(1)


if __name__ == "__main__":
    auto_cli(main)
