"""What happens between the epochs of a training."""

import contextlib
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from sklearn.metrics import log_loss, roc_auc_score

from keras_derm.classifiers.batch_statistics import N_BATCHES, BatchStatistics
from keras_derm.classifiers.optimization import plateau_learning_rate
from keras_derm.classifiers.precision import in_float32
from keras_derm.classifiers.prediction import predict_probabilities
from keras_derm.files import atomic_path


def read_history(path):
    """Read `history.csv`, every figure to its last bit; empty where there is none."""
    if not Path(path).is_file():
        return pd.DataFrame()
    return pd.read_csv(path, float_precision="round_trip")


@contextlib.contextmanager
def kept(path, epoch):
    """`atomic_path`, with an error that says what a full disk has left.

    Args:
        path: File to write.
        epoch: Epoch after which, counted from 0.

    Yields:
        `Path` to write to.

    Raises:
        OSError: It could not be written; what `path` held before is still there.
    """
    try:
        with atomic_path(path) as temporary:
            yield temporary
    except OSError as error:
        raise OSError(
            f"could not write {path} after epoch {epoch + 1}. What was kept of the "
            "epochs before is whole: make room, and the same command goes on from "
            f"there. Received: {error}"
        ) from error


class DropoutSeed(keras.callbacks.Callback):
    """Let the random layers of a model begin each epoch from that epoch's seed.

    Their state is not saved with a model.

    Args:
        workers: `Workers`, each of which draws numbers of its own, or None.
    """

    def __init__(self, workers=None):
        super().__init__()
        self.index, self.count = (workers.index, workers.count) if workers else (0, 1)

    def on_train_begin(self, logs=None):
        self.states = [
            variable
            for variable in self.model.variables
            if "seed_generator_state" in variable.path
        ]
        self.seeds = [int(np.asarray(state)[0]) for state in self.states]

    def on_epoch_begin(self, epoch, logs=None):
        for state, seed in zip(self.states, self.seeds, strict=True):
            begin = (epoch * self.count + self.index) << 20
            state.assign([seed, begin % (1 << 32)])


class OnAverages(keras.callbacks.Callback):
    """Show other callbacks the moving averages of the weights after each epoch.

    The training itself goes on with the weights it had, and their statistics of batch
    normalisation; the averages have statistics of their own.

    Args:
        images: `tf.data.Dataset` of batches `(images, ...)`; the first are taken.
        *callbacks: Those that measure and keep the model; of their methods
            `on_epoch_end` alone is called.
    """

    def __init__(self, images, *callbacks):
        super().__init__()
        self.batches, self.callbacks = images.take(N_BATCHES), callbacks
        self.swap = keras.callbacks.SwapEMAWeights()

    def set_model(self, model):
        super().set_model(model)
        self.statistics = BatchStatistics(model)
        for callback in (self.swap, *self.callbacks):
            callback.set_model(model)

    def on_epoch_end(self, epoch, logs=None):
        self.swap.on_test_begin()
        try:
            with self.statistics.measured(self.batches):
                for callback in self.callbacks:
                    callback.on_epoch_end(epoch, logs)
        finally:
            self.swap.on_test_end()


class SaveState(keras.callbacks.Callback):
    """Keep the model with its optimizer after each epoch, whole or not at all."""

    def __init__(self, path):
        super().__init__()
        self.path = Path(path)

    def on_epoch_end(self, epoch, logs=None):
        with kept(self.path, epoch) as temporary:
            self.model.save(temporary)


class PlateauLearningRate(keras.callbacks.Callback):
    """Set the learning rate of each epoch by the history of those before it.

    Args:
        watched: Function from an epoch to the monitored figures before it.
        *settings: What `plateau_learning_rate` takes besides the figures.
    """

    def __init__(self, watched, *settings):
        super().__init__()
        self.watched, self.settings = watched, settings

    def on_epoch_begin(self, epoch, logs=None):
        rate = plateau_learning_rate(self.watched(epoch), *self.settings)
        self.model.optimizer.learning_rate = rate

    def on_epoch_end(self, epoch, logs=None):
        rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        logs["learning_rate"] = float(rate)


class EarlyStopping(keras.callbacks.Callback):
    """End the training where `stopped` says that the next epoch is not to be."""

    def __init__(self, stopped):
        super().__init__()
        self.stopped = stopped

    def on_epoch_end(self, epoch, logs=None):
        if self.stopped(epoch + 1):
            self.model.stop_training = True


class ValidationScores(keras.callbacks.Callback):
    """Add `val_auc` (mean one-vs-rest over the classes present), `val_loss` and
    `val_accuracy` to the logs of each epoch.

    One pass over the validation set gives all three.

    Args:
        validation: `tf.data.Dataset` of `(images, one-hot targets)`.
        workers: `Workers` that share the pass, or None.
    """

    def __init__(self, validation, workers=None):
        super().__init__()
        self.validation, self.workers = validation, workers
        targets = [y.numpy() for _, y, *_ in validation]
        self.targets = np.concatenate(targets)
        self.batches = np.repeat(np.arange(len(targets)), [len(y) for y in targets])

    def on_epoch_end(self, epoch, logs=None):
        scores = self._probabilities()
        if not np.isfinite(scores).all():
            raise RuntimeError(
                "the training diverged: probabilities of validation images are no "
                "numbers. A lower learning rate or `clip_norm` keeps it from that, and "
                "float32 where it was half precision. "
                f"Received: epoch {epoch}, {np.isnan(scores).mean():.0%} NaN"
            )
        logs["val_auc"] = _macro_auc(self.targets, scores)
        logs["val_loss"] = float(
            log_loss(self.targets.argmax(axis=1), scores, labels=range(scores.shape[1]))
        )
        logs["val_accuracy"] = float(
            np.mean(self.targets.argmax(axis=1) == scores.argmax(axis=1))
        )

    def _probabilities(self):
        if self.workers is None:
            return predict_probabilities(self.model, self.validation)
        index, count = self.workers.index, self.workers.count
        scores, mine = np.zeros(self.targets.shape), self.batches % count == index
        if mine.any():
            part = self.validation.shard(count, index)
            scores[mine] = predict_probabilities(self.model, part)
        return self.workers.sum([tf.constant(scores)])[0].numpy()


def _macro_auc(targets, scores):
    present = [c for c in range(targets.shape[1]) if 0 < targets[:, c].mean() < 1]
    if not present:
        return float("nan")
    return float(np.mean([roc_auc_score(targets[:, c], scores[:, c]) for c in present]))


class BestModel(keras.callbacks.Callback):
    """Keep the history and the model with the best `val_auc`, across restarts.

    A model trained in mixed precision is kept as it will be used, in float32.
    """

    def __init__(self, model_path, history_path):
        super().__init__()
        self.model_path, self.history_path = Path(model_path), Path(history_path)

    def on_epoch_end(self, epoch, logs=None):
        history = read_history(self.history_path)
        if len(history):
            history = history[history["epoch"] < epoch]
        best = history["val_auc"].max() if len(history) else float("nan")
        if not self.model_path.is_file() or not logs["val_auc"] <= best:
            with kept(self.model_path, epoch) as temporary:
                in_float32(self.model).save(temporary)
        row = pd.DataFrame([{"epoch": epoch, **logs}])
        with kept(self.history_path, epoch) as temporary:
            pd.concat([history, row]).to_csv(temporary, index=False)
