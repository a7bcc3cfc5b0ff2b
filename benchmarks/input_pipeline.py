"""Does the input pipeline keep up with the training?

Two questions, for images prepared as a run prepares them:

- How much of a training step is spent waiting for its batch?
- How fast is `fit` on our pipeline against `fit` on the same images in memory?

Arms, in turns, the model and its compiled step being the same:

- memory: batches of the chain below, augmented once and kept in memory as tensors:
  `fit` with nothing to do but train.
- memory, augmented: uint8 array in memory, `tf.data` shuffle, batch, cast and the
  same augmentation layers in `map`, prefetch: what a Keras user writes.
- pipeline, plain: `image_dataset` of the prepared images on disk, no augmentation.
- pipeline: `image_dataset` with the preset's augmentation, as train_classifier.py.

"plain" against "memory" is what reading, shuffling and resuming cost. "pipeline"
against "memory, augmented" is the same where both augment. "pipeline" against "memory"
holds the augmentation too, whose work shares the processor with the training where
there is no GPU.

Beside images a second stands the processor time an image takes, which other work on the
machine hardly changes: where all cores are busy, its ratio is that of the speeds.

Usage: python benchmarks/input_pipeline.py --data ham10000:PATH --backbones [ResNet50]
"""

import os
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from jsonargparse import auto_cli

from keras_derm.classifiers import build_classifier
from keras_derm.layers import augmentation, preparation
from keras_derm.pipeline import image_dataset, prepare
from keras_derm.readers import read_data_source

N_CLASSES = 8
ARMS = ("memory", "memory, augmented", "pipeline, plain", "pipeline")
PAIRS = (
    ("pipeline, plain", "memory"),
    ("pipeline", "memory, augmented"),
    ("pipeline", "memory"),
)


def prepared_images(data, n_images, size, preset, folder):
    """The first images of an archive as train_classifier.py finds them."""
    catalog = read_data_source(data)
    ids = catalog.table["isic_id"][:n_images].tolist()
    return prepare(catalog.where(isic_id=ids), preparation(preset, size), folder)


def datasets(prepared, preset, image_size, batch_size, n_steps):
    """`tf.data.Dataset` of each arm; all repeat."""
    n = len(prepared)
    targets = keras.utils.to_categorical(np.arange(n) % N_CLASSES, N_CLASSES)
    sizes = {"batch_size": batch_size, "image_size": (image_size, image_size)}
    order = {"shuffle": True, "repeat": True, "seed": 0}

    def pipeline(augment):
        columns = targets, np.ones(n, "float32")
        return image_dataset(
            prepared, np.arange(n), *columns, augmentation=augment, **sizes, **order
        )

    made = list(pipeline(augmentation(preset, 0)).take(n_steps))
    memory = tf.data.Dataset.from_tensor_slices(
        tuple(tf.stack(column) for column in zip(*made, strict=True))
    )
    return dict(
        zip(
            ARMS,
            (
                memory.repeat().prefetch(tf.data.AUTOTUNE),
                in_memory(prepared, targets, augmentation(preset, 0).layers, **sizes),
                pipeline(None),
                pipeline(augmentation(preset, 0)),
            ),
            strict=True,
        )
    )


def in_memory(prepared, targets, layers, batch_size, image_size):
    """What a Keras user writes for a uint8 array."""
    images = prepared.take(np.arange(len(prepared)))
    if images.shape[1:3] != image_size:
        images = np.asarray(tf.image.resize(images, image_size), "uint8")
    columns = images, targets, np.ones(len(images), "float32")

    def augment(images, *rest):
        images = tf.cast(images, tf.float32)
        for layer in layers:
            images = layer(images, training=True)
        return (images, *rest)

    dataset = tf.data.Dataset.from_tensor_slices(columns).shuffle(len(images)).repeat()
    dataset = dataset.batch(batch_size, drop_remainder=True)
    return dataset.map(augment, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


class Stopwatch(keras.callbacks.Callback):
    """Seconds of the steps after the first ones of an epoch, which fill the buffers."""

    def __init__(self, n_warm):
        super().__init__()
        self.n_warm = n_warm

    def on_train_batch_begin(self, batch, logs=None):
        if batch == self.n_warm:
            self.start = time.perf_counter(), time.process_time()

    def on_train_batch_end(self, batch, logs=None):
        self.end = time.perf_counter(), time.process_time()


def speed_of_fit(model, dataset, n_steps, n_warm, batch_size):
    """Images a second of the clock, and images a second of processor time."""
    watch = Stopwatch(n_warm)
    model.fit(dataset, steps_per_epoch=n_warm + n_steps, callbacks=[watch], verbose=0)
    return n_steps * batch_size / np.subtract(watch.end, watch.start)


def waiting(model, dataset, n_steps, n_warm):
    """Share of the time of training steps that passes until a batch is there."""
    step = tf.function(model.train_step)
    batches = iter(dataset)
    waited, taken = [], []
    for number in range(n_warm + n_steps):
        start = time.perf_counter()
        batch = next(batches)
        there = time.perf_counter()
        logs = step(batch)
        float(logs["loss"])  # the step is done when its loss is known
        if number >= n_warm:
            waited.append(there - start)
            taken.append(time.perf_counter() - start)
    return sum(waited) / sum(taken)


def measure(prepared, backbone, image_size, preset, batch_size, n_steps, n_rounds):
    """Print the speed of every arm, their ratios and the share of waiting."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    model = build_classifier(backbone, N_CLASSES, image_size)
    model.compile("adamw", "categorical_crossentropy", weighted_metrics=[])
    arms = datasets(prepared, preset, image_size, batch_size, n_steps)
    for dataset in arms.values():
        speed_of_fit(model, dataset, 1, 1, batch_size)  # the first call traces
    speeds = {name: [] for name in arms}
    for number in range(n_rounds):
        names = list(arms)[:: 1 if number % 2 == 0 else -1]
        for name in names:
            speed = speed_of_fit(model, arms[name], n_steps, 3, batch_size)
            speeds[name].append(speed)
    print(f"\n{backbone} at {image_size} px, batch {batch_size}, preset {preset}")
    print(f"  {'':<30} {'by the clock':<28} by processor time")
    for name, values in speeds.items():
        clock, processor = np.transpose(values)
        speed = f"{summary(clock)} images/s"
        print(f"  {name:<30} {speed:<28} {summary(1e3 / processor)} ms an image")
    for one, other in PAIRS:
        clock, processor = np.transpose(np.divide(speeds[one], speeds[other]))
        print(f"  {one + ' / ' + other:<30} {summary(clock):<28} {summary(processor)}")
    shares = [waiting(model, arms["pipeline"], n_steps, 3) for _ in range(n_rounds)]
    print(f"  share of a step spent waiting  {summary(shares)}", flush=True)


def summary(values):
    """Median, and least and greatest in brackets."""
    return f"{np.median(values):.3g} [{min(values):.3g}, {max(values):.3g}]"


def main(
    data: str = "phantom:n=256,seed=7,size=128",
    backbones: list[str] | None = None,
    image_size: int = 96,
    prepared_size: int | None = None,
    presets: list[str] | None = None,
    n_images: int = 512,
    batch_size: int = 32,
    n_steps: int = 20,
    n_rounds: int = 5,
) -> None:
    """Print images per second of every arm, ratios within a round, and waiting.

    Args:
        data: Data source READER:PATH.
        backbones: Names in keras_derm.classifiers.BACKBONES; MobileNetV2 and ResNet50
            by default.
        image_size: Side of the images that the network takes.
        prepared_size: Side of the prepared images, where the pipeline is to resize.
        presets: Presets whose augmentation is applied; sn_gan_ensemble and keras_derm
            by default.
        n_images: Images taken from the archive.
        batch_size: Images a step.
        n_steps: Timed steps of each arm in a round.
        n_rounds: Rounds; the arms change their order from one to the next.
    """
    for preset in presets or ["sn_gan_ensemble", "keras_derm"]:
        with tempfile.TemporaryDirectory() as folder:
            size = prepared_size or image_size
            prepared = prepared_images(data, n_images, size, preset, f"{folder}/real")
            for backbone in backbones or ["MobileNetV2", "ResNet50"]:
                settings = image_size, preset, batch_size, n_steps, n_rounds
                measure(prepared, backbone, *settings)


if __name__ == "__main__":
    auto_cli(main)
