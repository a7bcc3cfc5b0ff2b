"""Peak memory of training each generator at its published size: it must fit 8 GB.

Each model trains a few real steps in a process of its own. Exits with 1 where one
does not fit.

Usage: python benchmarks/generator_memory.py [--models [cyclegan]] [--limit_gb 8]
"""

import os
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from jsonargparse import auto_cli

from keras_derm.export.memory import peak_bytes

SIZES = {"cyclegan": (256, 1), "sngan": (224, 64), "conditional_wgan_gp": (224, 64)}


def train(name, image_size, batch_size, n_steps):
    """Train, and return the peak memory of this process in GB (1e9 bytes)."""
    import tensorflow as tf

    from keras_derm import generative

    model = getattr(generative, f"build_{name}")(image_size)
    model.compile()
    n_images = batch_size * getattr(model, "batches_per_step", 1)
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (n_images, image_size, image_size, 3), "uint8")
    index = np.zeros(n_images, "int32")
    batch = (images, images) if name == "cyclegan" else (images, index, index)
    dataset = tf.data.Dataset.from_tensors(batch).repeat(n_steps)
    losses = model.fit(dataset, verbose=0).history
    if not all(np.isfinite(values).all() for values in losses.values()):
        raise SystemExit(f"{name} did not train: {losses}")
    return peak_bytes() / 1e9


def main(
    models: list[str] | None = None,
    n_steps: int = 3,
    limit_gb: float = 8.0,
    child: bool = False,
) -> None:
    """Print peak memory (VmHWM) of each model.

    Args:
        models: Of cyclegan, sngan and conditional_wgan_gp; all by default.
        n_steps: Training steps.
        limit_gb: Memory that each must fit, in GB.
        child: Print the peak of one model alone, without a table: what the
            benchmark calls itself with.
    """
    from rich.console import Console
    from rich.table import Table

    if child:
        print(train(models[0], *SIZES[models[0]], n_steps))
        return
    table = Table(title=f"Peak memory of {n_steps} training steps")
    for title in ("model", "side", "batch", "GB", f"fits {limit_gb:g} GB"):
        table.add_column(title, justify="left" if title == "model" else "right")
    all_fit = True
    for name in models or SIZES:
        arguments = ["--models", f"[{name}]", "--n_steps", str(n_steps)]
        done = subprocess.run(
            [sys.executable, __file__, *arguments, "--child", "true"],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(done.stderr)
        peak = float(done.stdout)
        all_fit &= peak <= limit_gb
        sizes = map(str, SIZES[name])
        verdict = "yes" if peak <= limit_gb else "no"
        table.add_row(name, *sizes, f"{peak:.2f}", verdict)
    Console().print(table)
    if not all_fit:
        raise SystemExit(1)


if __name__ == "__main__":
    auto_cli(main)
