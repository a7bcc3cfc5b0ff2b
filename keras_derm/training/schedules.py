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
        factor, patience, minimum: As `keras.callbacks.ReduceLROnPlateau` takes them,
            which would have set the same rate.
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
    """Number of epochs since the score was best, as `plateau_learning_rate` takes it.

    It is 0 where there is no epoch so far.
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
