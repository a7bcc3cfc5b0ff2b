"""Peak memory and time of a training step, with and without gradient checkpointing.

Each figure comes from a process of its own, which builds the classifier with random
weights and makes two steps with SGD.

Usage: python benchmarks/gradient_checkpointing_memory.py --batch_sizes [1,2,4]
"""

import json
import subprocess
import sys
import time

from jsonargparse import auto_cli

from keras_derm.export.memory import peak_bytes


def measure(backbone, image_size, batch_size, checkpointed):
    """Print peak resident memory in GB before and with training, and seconds a step."""
    import keras
    import numpy as np

    from keras_derm.classifiers import build_classifier
    from keras_derm.networks import checkpoint_gradients

    model = build_classifier(backbone, 8, image_size)
    if checkpointed:
        model = checkpoint_gradients(model)
    model.compile(keras.optimizers.SGD(1e-3), "categorical_crossentropy")
    before = peak_bytes() / 1e9
    images = np.zeros((batch_size, image_size, image_size, 3), "float32")
    targets = np.eye(8, dtype="float32")[np.arange(batch_size) % 8]
    model.train_on_batch(images, targets)
    start = time.perf_counter()
    model.train_on_batch(images, targets)
    seconds = time.perf_counter() - start
    print(
        json.dumps({"before": before, "peak": peak_bytes() / 1e9, "seconds": seconds})
    )


def in_own_process(*arguments):
    command = [sys.executable, __file__, "--measure", *map(str, arguments)]
    found = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(found.stdout.splitlines()[-1])


def main(
    backbone: str = "NASNetLarge",
    image_size: int = 331,
    batch_sizes: list[int] | None = None,
) -> None:
    """Print peak memory (VmHWM) in GB and the time of a step beside the plain one.

    Args:
        backbone: Name in keras_derm.classifiers.BACKBONES.
        image_size: Side of the images.
        batch_sizes: Images a step.
    """
    print(f"{backbone} at {image_size} pixels, peak memory in GB")
    print(f"{'batch':>5} {'plain':>7} {'checkpointed':>13} {'saved':>6} {'time':>6}")
    for batch_size in batch_sizes or [1, 2, 4]:
        plain, less = (
            in_own_process(backbone, image_size, batch_size, flag) for flag in (0, 1)
        )
        saved = 1 - less["peak"] / plain["peak"]
        slower = less["seconds"] / plain["seconds"]
        print(
            f"{batch_size:>5} {plain['peak']:>7.2f} {less['peak']:>13.2f} "
            f"{saved:>6.0%} {slower:>5.2f}x",
            flush=True,
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        name, *numbers = sys.argv[2:]
        measure(name, *map(int, numbers))
    else:
        auto_cli(main)
