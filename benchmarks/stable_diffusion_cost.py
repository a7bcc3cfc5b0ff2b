"""Memory and time of Stable Diffusion v1 with adapters: a training step, an image.

An image is 30 steps of PNDM with guidance, 31 calls of the U-Net for two latents each;
one call is timed, and the decoder, and the rest is reckoned. Each size is a process of
its own. Weights may be random, such as stable_diffusion_equality.py leaves them.

Usage: python benchmarks/stable_diffusion_cost.py --folder /data/stable-diffusion-v1-5
       [--image_sizes [256,512]] [--precision mixed_bfloat16]
"""

import os
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from jsonargparse import auto_cli

from keras_derm.export.memory import peak_bytes

N_CALLS = 31


def measured(folder, image_size, precision):
    """Print seconds of a training step and an image, and the peak memory in GB."""
    import tensorflow as tf

    from keras_derm.generative import generator_class
    from keras_derm.settings import StableDiffusionSettings

    settings = StableDiffusionSettings(folder=str(folder), batch_size=1)
    start = time.perf_counter()
    model = generator_class("stable_diffusion").from_settings(
        settings, image_size, 2, precision=precision
    )
    reading = time.perf_counter() - start
    side = image_size // 8
    moments = tf.zeros((1, side, side, 8), tf.float16)
    tokens = tf.constant(model.networks.tokenizer(["dermoscopy"]))
    step = tf.function(model.train_step)
    training = _second_call(lambda: step((moments, tokens)))
    after_training = peak_bytes() / 1e9
    words = tf.constant(model.networks.embedded(["dermoscopy", ""]))
    noise = tf.random.stateless_normal((2, side, side, 4), [1, 2])
    timesteps = tf.constant([500, 500])
    call = _second_call(lambda: model._compiled_noise(noise, timesteps, words))
    decoding = _second_call(lambda: model.networks.decoded(noise[:1]))
    image = N_CALLS * call + decoding
    numbers = (reading, training, call, decoding, image)
    print(" ".join(f"{n:.2f}" for n in (*numbers, after_training, peak_bytes() / 1e9)))


def _second_call(act):
    """Seconds of a call that needs not be traced any more."""
    act()
    start = time.perf_counter()
    found = act()
    np.asarray(found["loss"] if isinstance(found, dict) else found)
    return time.perf_counter() - start


def main(
    folder: Path,
    image_sizes: list[int] | None = None,
    precision: str = "float32",
    child: bool = False,
) -> None:
    """Print the cost of each size.

    Args:
        folder: Folder of Stable Diffusion v1.
        image_sizes: Sides of the images in pixels; 256 and 512 by default.
        precision: float32 or mixed_bfloat16.
        child: Measure the one size given, without a table: what the benchmark calls
            itself with.
    """
    from rich.console import Console
    from rich.table import Table

    sizes = image_sizes or [256, 512]
    if child:
        measured(folder, sizes[0], precision)
        return
    table = Table(
        *("pixels", "reading, s", "training step, s", "call of the U-Net, s"),
        *("decoding, s", "image of 30 steps (reckoned), s"),
        *("peak of training, GB", "peak, GB"),
    )
    for size in sizes:
        command = [sys.executable, __file__, "--folder", str(folder), "--child", "true"]
        command += ["--image_sizes", f"[{size}]", "--precision", precision]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            sys.exit(result.stderr[-2000:])
        table.add_row(str(size), *result.stdout.split()[-7:])
    Console().print(table)


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
