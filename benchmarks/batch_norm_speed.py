"""Training speed with the fused batch normalisation against Keras' own layers.

Usage: python benchmarks/batch_norm_speed.py [--backbone MobileNetV2] [--size 96]
"""

import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from jsonargparse import auto_cli

from keras_derm.networks import fuse_batch_normalization


def main(
    backbone: str = "MobileNetV2", size: int = 96, batch_size: int = 32, steps: int = 8
) -> None:
    """Print images per second of both, in turns, and their ratio.

    Args:
        backbone: Name in `keras.applications`.
        size: Side of the images in pixels.
        batch_size: Images a step.
        steps: Timed steps a round, of three rounds.
    """
    generator = np.random.default_rng(0)
    images = generator.uniform(-1, 1, (batch_size, size, size, 3)).astype("float32")
    targets = np.eye(7, dtype="float32")[generator.integers(0, 7, batch_size)]
    network = getattr(keras.applications, backbone)(
        weights=None, include_top=False, input_shape=(size, size, 3), pooling="avg"
    )
    models = {"Keras": network, "fused": fuse_batch_normalization(network)}
    for name, model in models.items():
        outputs = keras.layers.Dense(7, activation="softmax")(model.outputs[0])
        models[name] = keras.Model(model.inputs[0], outputs)
        models[name].compile("sgd", "categorical_crossentropy")
        models[name].train_on_batch(images, targets)
    times = {name: [] for name in models}
    for _ in range(3):
        for name, model in models.items():
            for _ in range(steps):
                start = time.perf_counter()
                model.train_on_batch(images, targets)
                times[name].append(time.perf_counter() - start)
    speed = {name: batch_size / np.median(taken) for name, taken in times.items()}
    for name, value in speed.items():
        print(f"{name:6s} {value:6.1f} images/s, {backbone} {size} px")
    print(f"ratio  {speed['fused'] / speed['Keras']:6.2f}")


if __name__ == "__main__":
    auto_cli(main)
