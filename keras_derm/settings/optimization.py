"""How a classifier learns."""

from dataclasses import dataclass
from typing import Literal

from keras_derm.settings.kinds import (
    Count,
    CountFromZero,
    Fraction,
    NonNegative,
    Positive,
    limited,
)
from keras_derm.settings.settings import Settings


@dataclass(frozen=True)
class OptimizationSettings(Settings):
    """How the members learn, beside their learning rate and number of epochs.

    Args:
        optimizer: adamw; adam, whose weight decay goes through the gradient; or
            adadelta.
        schedule: cosine, after a warm-up; plateau, which lowers the learning rate when
            the monitored figure has not improved for some epochs; or constant.
        monitor: Figure that plateau and early stopping watch, and by which the best
            epoch is kept; by default that of the task, such as the AUC on validation.
        plateau_factor: Factor of the learning rate on a plateau, between 0 and 1.
        plateau_patience: Epochs without progress after which it is applied.
        min_learning_rate: Rate below which plateau does not go.
        early_stopping: End after so many epochs without progress; by default never.
        clip_norm: Largest global norm of the gradient; none for any.
        head_epochs: Of all epochs, the first in which the head alone learns.
        steps_per_execution: Most steps made without coming back to Python; the
            greatest number up to it that divides an epoch is taken.
        ema_momentum: Share of a moving average of the weights that a step keeps, such
            as 0.99: the average is what is judged and kept; by default the weights.

    Example:
        >>> OptimizationSettings(optimizer="adam", schedule="plateau")
    """

    optimizer: Literal["adamw", "adam", "adadelta"] = "adamw"
    schedule: Literal["cosine", "plateau", "constant"] = "cosine"
    monitor: str | None = None
    plateau_factor: float = limited(Fraction, 0.5)
    plateau_patience: int = limited(Count, 3)
    min_learning_rate: float = limited(NonNegative, 1e-7)
    early_stopping: int | None = limited(Count | None, None)
    clip_norm: float | None = limited(Positive | None, 1.0)
    head_epochs: int = limited(CountFromZero, 0)
    steps_per_execution: int = limited(Count, 1)
    ema_momentum: float | None = limited(Fraction | None, None)

    @classmethod
    def title(cls) -> str:
        return "optimization"
