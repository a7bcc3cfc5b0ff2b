"""What oneDNN's kernels save on this processor, which TensorFlow may not choose itself.

Usage: python benchmarks/onednn_speed.py

A training step and a prediction of two backbones and a training step of the compact
diffusion, with the kernels and without, in turns, each in a process of its own.
keras_derm has them unless TF_ENABLE_ONEDNN_OPTS=0.
"""

import json
import os
import resource
import subprocess
import sys
import time

import pandas as pd
from jsonargparse import auto_cli

BACKBONES = (("EfficientNetLite0", 96), ("ResNet50", 128))
ONE = "--one"
N_CLASSES = 8


def measure(name, n_steps, batch_size):
    """Print what steps of one network take, in seconds, and the peak of memory."""
    import keras
    import numpy as np
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    side = dict(BACKBONES).get(name, 64)
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (batch_size, side, side, 3)).astype("uint8")
    targets = draw.integers(0, N_CLASSES, batch_size).astype("int32")
    if name == "diffusion":
        from keras_derm.generative import Diffusion
        from keras_derm.settings import DiffusionSettings

        model = Diffusion.from_settings(
            DiffusionSettings(), side, 1000, precision="float32"
        )
        model.code.fit(images)
        given = images, targets, np.zeros_like(targets)
    else:
        from keras_derm import classifiers

        backbone = classifiers.build_backbone(name, side)
        x = keras.layers.GlobalAveragePooling2D()(backbone.output)
        outputs = keras.layers.Dense(N_CLASSES, activation="softmax")(x)
        model = keras.Model(backbone.input, outputs)
        model.compile("adam", "sparse_categorical_crossentropy")
        images = images.astype("float32")
        given = images, targets
    data = tf.data.Dataset.from_tensors(given).repeat()
    told = {"training": lambda n: model.fit(data, steps_per_epoch=n, verbose=0)}
    if name != "diffusion":
        photographs = data.map(lambda images, _: images)
        told["prediction"] = lambda n: model.predict(photographs, steps=n, verbose=0)
    for what, steps in told.items():
        steps(2)
        start = time.perf_counter(), time.process_time()
        steps(n_steps)
        end = time.perf_counter(), time.process_time()
        clock, used = ((b - a) / n_steps for a, b in zip(start, end, strict=True))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        found = {"network": name, "work": what, "clock": clock, "processors": used}
        print(json.dumps(found | {"peak GB": peak}))


def main(n_rounds: int = 3, n_steps: int = 8, batch_size: int = 32) -> None:
    """Time steps with oneDNN's kernels and without, in turns.

    Args:
        n_rounds: Turns of each.
        n_steps: Steps of a turn.
        batch_size: Images of a step.
    """
    rows = []
    for _ in range(n_rounds):
        for name in (*dict(BACKBONES), "diffusion"):
            for chosen in ("0", "1"):
                command = [sys.executable, __file__, ONE, name, n_steps, batch_size]
                done = subprocess.run(
                    [*map(str, command)],
                    env=os.environ | {"TF_ENABLE_ONEDNN_OPTS": chosen},
                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
                )  # fmt: skip
                told = [json.loads(line) for line in done.stdout.splitlines()]
                rows += [one | {"oneDNN": chosen} for one in told]
    medians = pd.DataFrame(rows).groupby(["network", "work", "oneDNN"]).median()
    shown = medians.unstack("oneDNN")
    for name in ("clock", "processors"):
        shown[name, "ratio"] = shown[name, "1"] / shown[name, "0"]
    print("Seconds a step, and GB, without (0) and with (1) oneDNN's kernels:")
    print(shown.sort_index(axis=1).round(2).to_string())


if __name__ == "__main__":
    if sys.argv[1:2] == [ONE]:
        measure(sys.argv[2], *map(int, sys.argv[3:]))
    else:
        auto_cli(main, as_positional=False)
