"""What a training is for."""

from collections.abc import Callable
from dataclasses import dataclass

import keras


@dataclass(frozen=True)
class Objective:
    """A task as the training loop sees it: a loss, and what an epoch is judged by.

    Attributes:
        loss: `keras.losses.Loss` of targets and predictions.
        scores: Function of the targets and the predictions of the whole validation
            set, two arrays `(n, ...)`, to a dict of floats, which become columns of
            the history.
        monitors: For each score that may be watched, `"max"` where more is better,
            else `"min"`.
        best: The monitor that is watched, and whose best epoch is kept as the model,
            where the settings name none.
        metrics: Function without arguments that returns new `keras.metrics.Metric`s
            of the training batches.
        head_begins_after: Name of the layer behind which the head begins, which may
            learn alone at first; None where there is no such layer.

    Raises:
        ValueError: A monitor has another direction, or `best` is no monitor.

    Example:
        >>> objective = Objective(
        ...     loss=keras.losses.BinaryCrossentropy(),
        ...     scores=lambda targets, predictions: {
        ...         "val_error": float(np.abs(targets - predictions).mean())
        ...     },
        ...     monitors={"val_error": "min"},
        ...     best="val_error",
        ... )
    """

    loss: keras.losses.Loss
    scores: Callable
    monitors: dict
    best: str
    metrics: Callable = list
    head_begins_after: str | None = None

    def __post_init__(self):
        if not set(self.monitors.values()) <= {"max", "min"}:
            raise ValueError(
                "`monitors` must say max or min of each score. "
                f"Received: {self.monitors}"
            )
        self.direction(self.best)

    def direction(self, monitor):
        """Return `"max"` or `"min"` for the name of a monitor.

        Raises:
            ValueError: There is no such monitor.
        """
        if monitor not in self.monitors:
            raise ValueError(
                f"`monitor` must be one of {', '.join(self.monitors)}. "
                f"Received: {monitor!r}"
            )
        return self.monitors[monitor]
