"""What watches a generator while it trains."""

import importlib.util
import math
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from PIL import Image

from keras_derm.files import atomic_path, write_csv

DIVERSITY_SIDE = 8


class TrainingClock(keras.callbacks.Callback):
    """Adds speed and time to the logs of every epoch, and stops at a time limit.

    `images_per_second` is of the epoch, `training_minutes` counts all restarts.
    Callbacks that come after it see both, and so does the progress bar.

    Args:
        images_per_step: Images that one training step takes, over all replicas.
        max_minutes: Training stops after the first epoch at whose end it has taken so
            long; None for no limit.
        minutes_spent: Minutes that earlier starts have taken.

    Attributes:
        limit_reached: Whether training was stopped.

    Example:
        >>> clock = TrainingClock(images_per_step=64, max_minutes=30)
        >>> model.fit(dataset, callbacks=[clock, CSVLogger("history.csv")])
    """

    def __init__(self, images_per_step, max_minutes=None, minutes_spent=0.0):
        super().__init__()
        self.images_per_step = images_per_step
        self.max_minutes = max_minutes
        self.minutes_spent = minutes_spent
        self.limit_reached = False

    def on_train_begin(self, logs=None):
        self._start = time.perf_counter()

    def on_epoch_begin(self, epoch, logs=None):
        self._first_step = self.model.steps_done
        self._start_of_epoch = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        now = time.perf_counter()
        n_images = (self.model.steps_done - self._first_step) * self.images_per_step
        minutes = self.minutes_spent + (now - self._start) / 60
        logs["images_per_second"] = n_images / (now - self._start_of_epoch)
        logs["training_minutes"] = minutes
        if self.max_minutes is not None and minutes >= self.max_minutes:
            self.limit_reached = True
            self.model.stop_training = True


class SampleGrid(keras.callbacks.Callback):
    """Writes a grid of made images after every epoch.

    Args:
        directory: Where `epoch_0001.png` and so on go.
        make: Function without arguments that makes the images, uint8 (n, side, side,
            3): the same noise, or the same images to translate, each time.
        n_columns: Images of a row; it divides their number.

    Example:
        >>> conditions = np.repeat([[0, 2], [5, 4]], 8, axis=0)
        >>> SampleGrid("samples", lambda: model.sample(conditions, seed=7), n_columns=8)
    """

    def __init__(self, directory, make, n_columns=8):
        super().__init__()
        self.directory = directory
        self.make = make
        self.n_columns = n_columns

    def on_epoch_end(self, epoch, logs=None):
        images = self.make()
        side = images.shape[1]
        grid = images.reshape(-1, self.n_columns, side, side, 3).swapaxes(1, 2)
        grid = grid.reshape(-1, self.n_columns * side, 3)
        with atomic_path(_grid_path(self.directory, epoch)) as temporary:
            Image.fromarray(grid).save(temporary)


def _grid_path(directory, epoch):
    return f"{directory}/epoch_{epoch + 1:04d}.png"


class SampleBoard(keras.callbacks.TensorBoard):
    """Writes the losses of every epoch and its grid of samples for TensorBoard.

    Comes after the `SampleGrid` that draws the grids.

    Args:
        directory: Where the events go: `tensorboard --logdir DIRECTORY` shows them.
        grids: Directory that the grids are written to.

    Raises:
        ImportError: If the package tensorboard is not installed; TensorFlow cannot
            write for it without.

    Example:
        >>> train(..., callbacks=[SampleBoard("tensorboard", grids="samples")])
    """

    def __init__(self, directory, grids):
        if importlib.util.find_spec("tensorboard") is None:
            raise ImportError(
                "TensorFlow writes for TensorBoard with the package tensorboard only: "
                "`pip install tensorboard`, or train without. "
                f"Received: directory={directory}"
            )
        super().__init__(str(directory), write_graph=False)
        self.grids = grids
        self._grid_writer = tf.summary.create_file_writer(f"{directory}/samples")

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, dict(logs))
        grid = np.asarray(Image.open(_grid_path(self.grids, epoch)))
        with self._grid_writer.as_default():
            tf.summary.image("samples", grid[np.newaxis], step=epoch)
        self._grid_writer.flush()


class StopOnCollapse(keras.callbacks.Callback):
    """Stops training when a loss is not finite or the samples become alike.

    The diversity of images is the standard deviation over the images of their
    pixels at 8 x 8, averaged over pixels and channels. Samples are collapsed when
    theirs is below `min_ratio` of that of the real images.

    Args:
        images: Real images, uint8 (n, side, side, 3); 64 to 256 of them suffice.
        make: Function without arguments that makes images of the same conditions as
            the model now is.
        min_ratio: Least diversity of the samples relative to the real images.
        patience: Number of epochs in a row below `min_ratio` that stop training.
        warm_up_steps: Training steps before diversity counts: an untrained generator
            makes grey images only.
        at_batches: Whether losses are looked at after each batch, and not after each
            epoch alone: of several workers none may stop within an epoch.

    Attributes:
        reason: Why training was stopped, or None.
        epochs_collapsed: Number of epochs in a row that were below `min_ratio`.

    Example:
        >>> StopOnCollapse(images, lambda: model.sample(conditions, seed=0))
    """

    def __init__(
        self,
        images,
        make,
        min_ratio=0.1,
        patience=2,
        warm_up_steps=1000,
        at_batches=True,
    ):
        super().__init__()
        self.at_batches = at_batches
        self.make = make
        self.real_diversity = diversity(images)
        self.min_ratio = min_ratio
        self.patience = patience
        self.warm_up_steps = warm_up_steps
        self.reason = None
        self.epochs_collapsed = 0

    def on_train_batch_end(self, batch, logs=None):
        if self.at_batches:
            self._stop_if_not_finite(logs, f"batch {batch + 1}")

    def _stop_if_not_finite(self, logs, when):
        for name, value in (logs or {}).items():
            if not math.isfinite(float(value)):
                self._stop(f"{name} became {float(value)} at {when}")
                return

    def on_epoch_end(self, epoch, logs=None):
        if not self.at_batches:
            self._stop_if_not_finite(logs, f"epoch {epoch + 1}")
        if self.model.steps_done < self.warm_up_steps:
            return
        made = diversity(self.make())
        ratio = made / max(self.real_diversity, 1e-6)
        collapsed = ratio < self.min_ratio
        self.epochs_collapsed = self.epochs_collapsed + 1 if collapsed else 0
        if self.epochs_collapsed >= self.patience:
            self._stop(
                f"mode collapse at epoch {epoch + 1}: samples vary {ratio:.0%} as much "
                f"as real images, less than {self.min_ratio:.0%} for "
                f"{self.patience} epochs"
            )

    def _stop(self, reason):
        self.reason = self.reason or reason
        self.model.stop_training = True


def diversity(images):
    """How much images differ from each other, in grey levels of 255.

    That is the standard deviation over the images, uint8 (n, side, side, 3), of each
    pixel at 8 x 8, averaged.
    """
    small = [
        np.asarray(Image.fromarray(image).resize((DIVERSITY_SIDE,) * 2, Image.BOX))
        for image in images
    ]
    return float(np.std(small, axis=0).mean())


class SaveWhenSound(keras.callbacks.Callback):
    """Saves the generator after each epoch whose images are sound, or not at all.

    One that may be the first of a collapse is not saved over the last sound one.

    Args:
        path: File that `Generator.save_state` writes, replaced each time.
        watch: `StopOnCollapse` that must come before this callback.

    Example:
        >>> watch = StopOnCollapse(images, make)
        >>> model.fit(dataset, callbacks=[watch, SaveWhenSound("model.keras", watch)])
    """

    def __init__(self, path, watch):
        super().__init__()
        self.path = path
        self.watch = watch

    def on_epoch_end(self, epoch, logs=None):
        if self.watch.reason is None and not self.watch.epochs_collapsed:
            with atomic_path(self.path) as temporary:
                self.model.save_state(temporary)


class KeepBest(keras.callbacks.Callback):
    """Measures the images made every few epochs, and keeps the best model.

    Losses of an adversarial training do not tell when to stop: they are of two sides
    that keep up with each other. Every measurement is a row of `quality.csv`, and the
    state of the model that had the least value so far lies in `best.keras`, or with
    the suffix that the generator's state has. A training that was interrupted measures
    the same again.

    Args:
        directory: Where both files go.
        measure: Function without arguments to a dictionary of floats. The first
            decides, the less the better. It must see training images only.
        every: Epochs between two measurements.
        patience: Number of measurements in a row without a new best that stop
            training; 0 to go on.

    Attributes:
        stalled: Whether training was stopped.

    Example:
        >>> KeepBest("generator", lambda: {"distance": distance(make())}, patience=8)
    """

    QUALITY_FILE = "quality.csv"
    BEST_NAME = "best"

    def __init__(self, directory, measure, every=5, patience=0):
        super().__init__()
        if every < 1 or patience < 0:
            raise ValueError(
                "`every` must be positive and `patience` not negative. "
                f"Received: every={every}, patience={patience}"
            )
        self.directory = Path(directory)
        self.measure = measure
        self.every = every
        self.patience = patience
        self.stalled = False

    def on_train_begin(self, logs=None):
        path = self.directory / self.QUALITY_FILE
        rows = pd.read_csv(path).to_dict("records") if path.is_file() else []
        self.rows = [row for row in rows if row["step"] <= self.model.steps_done]

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every:
            return
        before = [self._decisive(row) for row in self.rows]
        self.rows.append({"step": self.model.steps_done, **self.measure()})
        if self._decisive(self.rows[-1]) < min(before, default=math.inf):
            name = f"{self.BEST_NAME}{self.model.STATE_SUFFIX}"
            with atomic_path(self.directory / name) as temporary:
                self.model.save_state(temporary)
        write_csv(self.directory / self.QUALITY_FILE, pd.DataFrame(self.rows))
        values = [self._decisive(row) for row in self.rows]
        since_best = len(values) - 1 - int(np.argmin(values))
        if self.patience and since_best >= self.patience:
            self.stalled = True
            self.model.stop_training = True

    @staticmethod
    def _decisive(row):
        return next(value for name, value in row.items() if name != "step")
