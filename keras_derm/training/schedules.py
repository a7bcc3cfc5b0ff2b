"""The rules by which a training slows down and ends."""

import keras
import numpy as np

MIN_DELTA = 1e-4
"""Less than this is no progress for a plateau, as `keras.callbacks` has it."""


def warm_cosine(learning_rate, n_steps, warmup_fraction):
    """Linear warm-up from a 25th of the learning rate, then a cosine decay to 0.

    Args:
        learning_rate: Peak.
        n_steps: Steps in all.
        warmup_fraction: Part of all steps spent warming up.

    Returns:
        `keras.optimizers.schedules.CosineDecay`.
    """
    return keras.optimizers.schedules.CosineDecay(
        learning_rate / 25,
        decay_steps=max(1, int(n_steps * (1 - warmup_fraction))),
        warmup_target=learning_rate,
        warmup_steps=max(1, int(n_steps * warmup_fraction)),
    )


def plateau_learning_rate(values, direction, learning_rate, factor, patience, minimum):
    """Learning rate after epochs with these scores.

    It depends on the history alone, so that a training that was stopped goes on with
    the rate it would have had.

    Args:
        values: Monitored score of each epoch so far.
        direction: `"max"` where more is better, else `"min"`.
        learning_rate: Rate at the beginning.
        factor: What the rate is multiplied by.
        patience: Epochs without progress after which it is.
        minimum: Rate below which it does not fall.

    Returns:
        Float, as `keras.callbacks.ReduceLROnPlateau` would have set it.
    """
    best, waited = None, 0
    for value in values:
        if best is None or _improves(value, best, direction, MIN_DELTA):
            best, waited = value, 0
            continue
        waited += 1
        if waited >= patience:
            learning_rate, waited = max(learning_rate * factor, minimum), 0
    return learning_rate


def epochs_since_best(values, direction):
    """Number of epochs since the monitored score was at its best, 0 for none.

    Args:
        values: Monitored score of each epoch so far.
        direction: `"max"` where more is better, else `"min"`.
    """
    best, at = None, -1
    for epoch, value in enumerate(values):
        if best is None or _improves(value, best, direction, 0.0):
            best, at = value, epoch
    return len(values) - 1 - at if best is not None else 0


def _improves(value, best, direction, min_delta):
    if np.isnan(best):
        return not np.isnan(value)
    return value > best + min_delta if direction == "max" else value < best - min_delta


class PlateauLearningRate(keras.callbacks.Callback):
    """Set the learning rate of each epoch by the history of those before it.

    Args:
        watched: Function from an epoch to the monitored scores before it.
        *settings: What `plateau_learning_rate` takes after the scores.

    Example:
        >>> PlateauLearningRate(watched, "max", 1e-3, 0.5, 3, 1e-7)
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
    """End the training where another epoch is not to be.

    Args:
        stopped: Function from an epoch to whether the training ends before it.

    Example:
        >>> EarlyStopping(lambda epoch: epoch >= 10)
    """

    def __init__(self, stopped):
        super().__init__()
        self.stopped = stopped

    def on_epoch_end(self, epoch, logs=None):
        if self.stopped(epoch + 1):
            self.model.stop_training = True
