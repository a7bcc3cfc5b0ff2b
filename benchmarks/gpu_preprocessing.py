"""Speed of image layers on the processor, on one GPU and on several, against OpenCV.

Three parts:

- Images per second of every layer and preset of preparation: in `tf.data` on the
  processor, on one GPU, on all GPUs of this machine, and OpenCV in one process. The
  photographs wait in memory, so that the layers alone are timed.
- Images per second of every preset's augmentation, in the same places.
- Training steps with the images augmented on the processor and on the devices that
  train: images per second, and how busy the GPUs were meanwhile, by nvidia-smi.

Where there is no GPU a line says so, and the processor's columns stand alone.

Usage: python benchmarks/gpu_preprocessing.py [--sizes [224,512]] [--only NAME]
"""

import csv
import os
import shutil
import subprocess
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import cv2
import keras
import numpy as np
import tensorflow as tf
from input_pipeline import N_CLASSES, prepared_images
from jsonargparse import auto_cli
from layer_speed import PEERS, chains
from rich.progress import track

from keras_derm.catalog import read_image
from keras_derm.classifiers import build_classifier
from keras_derm.classifiers.members import Stopwatch
from keras_derm.layers import PRESETS, augmentation
from keras_derm.phantom import render
from keras_derm.pipeline import image_dataset
from keras_derm.pipeline.replicas import OnReplicas
from keras_derm.training import default_strategy

N_ROUNDS = 3
CPU_BATCH, DEVICE_BATCH = 4, 32
N_WARM = 5


def places():
    """Strategies by the name of the place; None stands for `tf.data`."""
    gpus = tf.config.list_physical_devices("GPU")
    found = {"processor": None}
    if gpus:
        found["one GPU"] = tf.distribute.OneDeviceStrategy("GPU:0")
    if len(gpus) > 1:
        found[f"{len(gpus)} GPUs"] = default_strategy()
    else:
        print(f"several GPUs are not measured: this machine has {len(gpus)}")
    if not gpus:
        print("no GPU is measured: TensorFlow sees none (docs/several_machines.md)")
    return found


def speed(change, images, strategy):
    """Images per second of `change` on images in memory."""
    n_devices = 1 if strategy is None else strategy.num_replicas_in_sync
    size = CPU_BATCH if strategy is None else DEVICE_BATCH * n_devices
    dataset = tf.data.Dataset.from_tensor_slices(images).repeat()
    dataset = dataset.batch(size, drop_remainder=True)
    n_batches = max(4, len(images) // size)
    if strategy is None:
        changed = dataset.map(change, tf.data.AUTOTUNE).prefetch(2)
    else:
        batches = dataset.map(lambda batch: (batch,)).prefetch(4)
        changed = OnReplicas(batches, lambda batch: change(batch), strategy)
    batches = iter(changed)
    taken = []
    for _ in range(N_ROUNDS + 1):
        start = time.perf_counter()
        for _ in range(n_batches):
            batch = next(batches)
        for part in (strategy or default_strategy()).experimental_local_results(batch):
            part.numpy()  # what was asked of a device is there
        taken.append(time.perf_counter() - start)
    return n_batches * size / np.median(taken[1:])


def opencv_speed(peer, images):
    """Images per second of the same steps in OpenCV, in one process."""
    cv2.setNumThreads(1)
    taken = []
    for _ in range(N_ROUNDS):
        start = time.perf_counter()
        for image in images:
            peer(image)
        taken.append(time.perf_counter() - start)
    return len(images) / np.median(taken)


def layer_table(size, n_images, where, only):
    """Print the speed of every layer and preset at one size."""
    catalog = render(n_images, 7, size)
    images = np.stack([read_image(path) for path in catalog.paths])
    print(f"\n{size} px, images/s {'':14}" + "".join(f"{p:>12}" for p in where), end="")
    print(f"{'OpenCV':>12}")
    for name, layers in chains(size).items():
        if only in (None, name):
            peer = PEERS[name]
            speeds = [speed(in_turn(layers), images, one) for one in where.values()]
            if peer is not None:
                speeds.append(opencv_speed(peer, images))
            line(name, speeds)
    for preset in PRESETS:
        name = f"augmentation {preset}"
        if only in (None, name):
            chain = augmentation(preset, 0)
            line(name, [speed(chain, images, one) for one in where.values()])


def in_turn(layers):
    """Function that applies layers one after the other."""

    def change(images):
        for layer in layers:
            images = layer(images)
        return images

    return change


def line(name, speeds):
    """Print one line of the table."""
    print(f"{name:31}" + "".join(f"{one:12,.0f}" for one in speeds), flush=True)


class Utilisation:
    """How busy the GPUs are while something runs, by nvidia-smi, in percent.

    Example:
        >>> with Utilisation() as busy:
        ...     model.fit(train)
        >>> print(busy.words)
    """

    def __enter__(self):
        self.process, self.words = None, "GPU not measured: nvidia-smi is not here"
        if shutil.which("nvidia-smi") and tf.config.list_physical_devices("GPU"):
            query = "--query-gpu=index,utilization.gpu"
            command = ["nvidia-smi", query, "--format=csv,noheader,nounits", "-lms"]
            self.process = subprocess.Popen(
                [*command, "200"], stdout=subprocess.PIPE, text=True
            )
        return self

    def __exit__(self, *error):
        if self.process is None:
            return
        self.process.terminate()
        lines, _ = self.process.communicate()
        of_gpu = {}
        for row in csv.reader(lines.splitlines()):
            if len(row) == 2 and row[1].strip().isdigit():
                of_gpu.setdefault(row[0].strip(), []).append(int(row[1]))
        self.words = "; ".join(
            f"GPU {gpu} busy {np.mean(busy):.0f} % ({len(busy)} samples)"
            for gpu, busy in of_gpu.items()
        )


def training(data, backbone, image_size, preset, batch_size, n_steps):
    """Print the speed of training with images augmented here and there."""
    print(f"\n{backbone}, {image_size} px, batch {batch_size}, preset {preset}")
    with tempfile.TemporaryDirectory() as folder:
        prepared = prepared_images(data, 512, image_size, preset, f"{folder}/real")
        rows = np.arange(len(prepared))
        targets = keras.utils.to_categorical(rows % N_CLASSES, N_CLASSES)
        strategy = default_strategy()
        for name, place in {"processor": None, "devices": strategy}.items():
            keras.utils.set_random_seed(0)
            with strategy.scope():
                model = build_classifier(backbone, N_CLASSES, image_size)
                model.compile("adamw", "categorical_crossentropy")
            dataset = image_dataset(
                prepared,
                rows,
                targets,
                batch_size=batch_size,
                shuffle=True,
                repeat=True,
                augmentation=augmentation(preset, 0),
                strategy=place,
            )
            once = {"shuffle": False, "verbose": 0}  # the data set is in its order
            model.fit(dataset, steps_per_epoch=N_WARM, **once)
            watch, n_all = Stopwatch(N_WARM), N_WARM + n_steps
            with Utilisation() as busy:
                model.fit(dataset, steps_per_epoch=n_all, callbacks=[watch], **once)
            found = n_steps * batch_size / watch.seconds
            print(f"augmented on {name:10} {found:10,.1f} images/s; {busy.words}")


def main(
    sizes: list[int] | None = None,
    n_images: int = 256,
    only: str | None = None,
    data: str = "phantom:n=512,seed=7,size=224",
    backbone: str = "MobileNetV2",
    image_size: int = 224,
    presets: list[str] | None = None,
    batch_size: int = 64,
    n_steps: int = 100,
) -> None:
    """Print what image layers do in a second, and training with them.

    Args:
        sizes: Sides of the images in pixels; 224 and 512 by default.
        n_images: Images of the first two parts.
        only: Name of one layer, preset or augmentation; training is then left out.
        data: Data source READER:PATH of the training.
        backbone: Name in keras_derm.classifiers.BACKBONES.
        image_size: Side of the images that the network takes.
        presets: Presets whose augmentation is trained with; keras_derm and
            lora_diffusion by default.
        batch_size: Images a step, of all devices together.
        n_steps: Timed steps.
    """
    where = places()
    for size in track(sizes or [224, 512], "Sizes", transient=True):
        layer_table(size, n_images, where, only)
    if only is None:
        for preset in presets or ["keras_derm", "lora_diffusion"]:
            training(data, backbone, image_size, preset, batch_size, n_steps)


if __name__ == "__main__":
    auto_cli(main)
