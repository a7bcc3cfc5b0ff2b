"""Seconds a training step of the compact diffusion takes, against PyTorch.

The same network, batch and threads, in turns in one run, each in a process of its own,
both in bfloat16. The step of PyTorch (`generator_peers/torch_diffusion.py`) has noise,
network, loss, Adam and the average of the weights; ours codes images, flips and turns
them besides.

Usage: python benchmarks/diffusion_speed.py --torch_python PYTHON_WITH_TORCH
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
from jsonargparse import auto_cli

PEER = Path(__file__).parent / "generator_peers" / "torch_diffusion.py"
OURS = "--ours"


def our_steps(n_steps, batch_size, image_size):
    """Print what our steps take, as the peer prints its own."""
    import keras
    import numpy as np
    import tensorflow as tf

    from keras_derm.generative import Diffusion
    from keras_derm.settings import DiffusionSettings

    keras.utils.set_random_seed(0)
    model = Diffusion.from_settings(
        DiffusionSettings(), image_size, 1000, precision="mixed_bfloat16"
    )
    images = np.random.default_rng(0).integers(
        0, 256, (batch_size, image_size, image_size, 3)
    )
    images = images.astype("uint8")
    model.code.fit(images)
    told = images, *[np.zeros(batch_size, "int32")] * 2
    data = tf.data.Dataset.from_tensors(told).repeat()
    model.fit(data, steps_per_epoch=3, verbose=0, shuffle=False)
    start = time.perf_counter(), time.process_time()
    model.fit(data, steps_per_epoch=n_steps, verbose=0, shuffle=False)
    end = time.perf_counter(), time.process_time()
    seconds, used = ((b - a) / n_steps for a, b in zip(start, end, strict=True))
    n_parameters = model.network.count_params()
    told = {"parameters": n_parameters, "clock": seconds, "processors": used}
    print(json.dumps(told))


def main(
    torch_python: str,
    n_rounds: int = 3,
    n_steps: int = 20,
    batch_size: int = 64,
    image_size: int = 64,
) -> None:
    """Time both in turns.

    Args:
        torch_python: Python interpreter with the package torch.
        n_rounds: Turns of each.
        n_steps: Steps of a turn.
        batch_size: Images of a step.
        image_size: Side of the images.
    """
    sizes = [str(n) for n in (n_steps, batch_size)]
    commands = {
        "PyTorch": [torch_python, PEER, *sizes, str(image_size // 8), "48"],
        "keras_derm": [sys.executable, __file__, OURS, *sizes, str(image_size)],
    }
    rows = []
    for turn in range(n_rounds):
        for name, command in commands.items():
            environment = os.environ | {"OMP_WAIT_POLICY": "passive"}
            done = subprocess.run(
                command, check=True, capture_output=True, text=True, env=environment
            )
            told = json.loads(done.stdout.splitlines()[-1])
            rows.append({"turn": turn, "of": name} | told)
    table = pd.DataFrame(rows)
    print(table.round(3).to_string(index=False))
    least = table.groupby("of")[["clock", "processors"]].min()
    print((least.loc["keras_derm"] / least.loc["PyTorch"]).round(2).to_string())


if __name__ == "__main__":
    if sys.argv[1:2] == [OURS]:
        our_steps(*map(int, sys.argv[2:]))
    else:
        auto_cli(main, as_positional=False)
