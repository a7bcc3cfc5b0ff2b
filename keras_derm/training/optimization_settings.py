"""How a model learns, beside its learning rate and number of epochs."""

from dataclasses import dataclass

OPTIMIZERS = ("adamw", "adam", "adadelta")
SCHEDULES = ("cosine", "plateau", "constant")


@dataclass(frozen=True)
class OptimizationSettings:
    """How a model learns, beside its learning rate and number of epochs.

    Args:
        optimizer: adamw; adam, whose weight decay goes through the gradient; or
            adadelta. See `build_optimizer`.
        schedule: cosine, after a warm-up; plateau, which multiplies the learning rate
            by `plateau_factor` when the monitored score has not improved for some
            epochs; or constant.
        monitor: Score that plateau and early stopping watch; by default the one by
            which the best model is kept.
        plateau_factor: Factor of the learning rate on a plateau, in (0, 1).
        plateau_patience: Epochs without progress after which it is applied.
        min_learning_rate: Rate below which plateau does not go.
        early_stopping: End after so many epochs without progress; None for never.
        clip_norm: Largest global norm of the gradient; None for any.
        head_epochs: Of all epochs, those at the beginning in which the head alone
            learns, at a constant rate, while the other layers keep their weights and
            BatchNormalization its moving statistics. After them all layers learn with
            an optimizer that begins anew: one that had counted these steps would take
            its first moments of the other layers for converged and make steps several
            times too long. Schedule and early stopping count from there.
        steps_per_execution: Steps that TensorFlow makes without coming back to Python;
            of several workers one, for a loop of TensorFlow cannot hold what they send.
        ema_momentum: Share of the moving average of the weights that a step keeps, such
            as 0.99: what is judged and kept after the `head_epochs` is the average,
            with statistics of batch normalisation measured for it. None keeps the
            weights of the last step of an epoch.

    Raises:
        ValueError: A setting is unknown or out of its range.

    Example:
        >>> OptimizationSettings(schedule="plateau", early_stopping=8)
    """

    optimizer: str = "adamw"
    schedule: str = "cosine"
    monitor: str | None = None
    plateau_factor: float = 0.5
    plateau_patience: int = 3
    min_learning_rate: float = 1e-7
    early_stopping: int | None = None
    clip_norm: float | None = 1.0
    head_epochs: int = 0
    steps_per_execution: int = 1
    ema_momentum: float | None = None

    def __post_init__(self):
        for name, known in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
            value = getattr(self, name)
            if value not in known:
                raise ValueError(
                    f"`{name}` must be one of {', '.join(known)}. Received: {value!r}"
                )
        for name in ("plateau_factor", "ema_momentum"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1:
                raise ValueError(
                    f"`{name}` must lie between 0 and 1. Received: {value}"
                )
        if self.early_stopping is not None and self.early_stopping < 1:
            raise ValueError(
                "`early_stopping` must be 1 epoch or more, or None. "
                f"Received: {self.early_stopping}"
            )
        if self.head_epochs < 0 or self.steps_per_execution < 1:
            raise ValueError(
                "`head_epochs` must be 0 or more, `steps_per_execution` 1 or more. "
                f"Received: {self.head_epochs} and {self.steps_per_execution}"
            )
