"""What is kept of a training after each epoch."""

import contextlib
from pathlib import Path

import keras
import pandas as pd

from keras_derm.files import atomic_path
from keras_derm.training.precision import in_float32


def read_history(path):
    """Read `history.csv`, every figure to its last bit; empty where there is none."""
    if not Path(path).is_file():
        return pd.DataFrame()
    return pd.read_csv(path)


@contextlib.contextmanager
def atomic_checkpoint(path, epoch):
    """`atomic_path`, whose OSError says what is left where the disk is full.

    `epoch`, after which is written, is counted from 0.
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


class SaveState(keras.callbacks.Callback):
    """Save the model with its optimizer after each epoch, whole or not at all.

    Args:
        path: `.keras` file, replaced each time.

    Example:
        >>> model.fit(train, epochs=3, callbacks=[SaveState("state.keras")])
    """

    def __init__(self, path):
        super().__init__()
        self.path = Path(path)

    def on_epoch_end(self, epoch, logs=None):
        with atomic_checkpoint(self.path, epoch) as temporary:
            self.model.save(temporary)


class BestModel(keras.callbacks.Callback):
    """Keep the history, and the model of its best epoch, across restarts.

    A model trained in mixed precision is kept as it will be used, in float32.

    Args:
        model_path: `.keras` file of the model.
        history_path: csv file of the figures of each epoch.
        monitor: The figure that decides.
        direction: `"max"` where more is better, else `"min"`.

    Example:
        >>> BestModel("model.keras", "history.csv", "val_auc", "max")
    """

    def __init__(self, model_path, history_path, monitor, direction):
        super().__init__()
        self.model_path, self.history_path = Path(model_path), Path(history_path)
        self.monitor, self.sign = monitor, 1 if direction == "max" else -1

    def on_epoch_end(self, epoch, logs=None):
        history, best = read_history(self.history_path), float("nan")
        if len(history):
            history = history[history["epoch"] < epoch]
            best = (self.sign * history[self.monitor]).max()
        if not self.model_path.is_file() or not self.sign * logs[self.monitor] <= best:
            with atomic_checkpoint(self.model_path, epoch) as temporary:
                in_float32(self.model).save(temporary)
        row = pd.DataFrame([{"epoch": epoch, **logs}])
        with atomic_checkpoint(self.history_path, epoch) as temporary:
            pd.concat([history, row]).to_csv(temporary, index=False)
