"""Settings of a search."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from keras_derm.settings.kinds import (
    Count,
    Imbalance,
    LogRange,
    Preset,
    Range,
    Seed,
    Share,
    TaskName,
    limited,
)
from keras_derm.settings.member import MemberSettings
from keras_derm.settings.optimization import OptimizationSettings
from keras_derm.settings.settings import SettingsError
from keras_derm.settings.stage import StageSettings

SomeCounts = Annotated[tuple[Count, ...], Field(min_length=1)]
SomePresets = Annotated[tuple[Preset, ...], Field(min_length=1)]


@dataclass(frozen=True)
class TuneSettings(StageSettings, stage="tune"):
    """Search learning rate, batch size, weight decay, dropout and augmentation.

    Each trial trains one classifier on the real training images of a run and is judged
    by its best macro AUC on val; test images are never looked at. Writes
    tuning/trials.csv and tuning/recipe.yaml, a recipe with the best settings:
    run_recipe.py --recipe runs/x/tuning/recipe.yaml --run runs/tuned. A search that was
    stopped goes on in the epoch of the trial that it had reached; a greater n_trials
    goes on from a finished one.

    Several workers share a search by keras-tuner's own variables. Start this command
    with the same options and the same run directory, which all must see, once as
    KERASTUNER_TUNER_ID=chief and once or more as KERASTUNER_TUNER_ID=tuner0, tuner1,
    ..., each with KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT of the chief. The
    chief trains nothing; it hands out trials and writes the result. It waits for every
    worker that it has seen: one that was ended must come back under its own name.

    Args:
        member: What is trained; its learning rate is one of those searched.
        n_trials: Trials in all.
        search: random, or bayesian, which learns from the trials before.
        learning_rate: Least and greatest peak of the schedule, searched by its
            logarithm.
        weight_decay: Least and greatest weight decay, searched by its logarithm.
        dropout: Least and greatest rate after the pooling.
        batch_size: Images a step: those to be tried.
        preset: Chains of random image layers to be tried.
        augmentation_strength: Least and greatest factor of how far they go.
        recipe: Recipe that gives everything about the training that is not said here,
            and in recipe.yaml the other stages.
        scale: Its scale.
        task: What is to be told apart: diagnosis8, diagnosis11, melanoma,
            melanocytic or benign_malignant; by default
            as the recipe says, and so for all that follow.
        imbalance: What is done about rare classes.
        batch_norm_momentum: Momentum of BatchNormalization.
        optimization: Optimizer, schedule and when to end, as train_classifier.py has
            them (--optimization.ema_momentum 0.98); in place of all that the recipe
            says of these.
        weights: For each backbone imagenet or the path of a weights file.
        seed: Seed of the search and of every trial.

    Example:
        >>> TuneSettings(n_trials=40)
    """

    member: MemberSettings = field(
        default_factory=lambda: MemberSettings("MobileNetV2")
    )
    n_trials: int = limited(Count, 20)
    search: Literal["random", "bayesian"] = "random"
    learning_rate: tuple[float, float] = limited(LogRange, (1e-5, 1e-2))
    weight_decay: tuple[float, float] = limited(LogRange, (1e-6, 1e-2))
    dropout: tuple[float, float] = limited(Range, (0.0, 0.5))
    batch_size: tuple[int, ...] = limited(SomeCounts, (16, 32, 64))
    preset: tuple[Preset, ...] = limited(
        SomePresets,
        (
            "sn_gan_ensemble",
            "keras_derm",
            "cwgan_gp",
            "melanet",
        ),
    )
    augmentation_strength: tuple[float, float] = limited(Range, (0.0, 2.0))
    recipe: str = "sn_gan_ensemble"
    scale: str = "published"
    task: TaskName | None = None
    imbalance: Imbalance | None = None
    batch_norm_momentum: float | None = limited(Share | None, None)
    optimization: OptimizationSettings | None = None
    weights: dict[str, str] | None = None
    seed: int | None = limited(Seed | None, None)

    def check(self) -> None:
        if self.member.file is not None or self.member.precision == "auto":
            raise SettingsError(
                "`member` is trained in every trial, and in one precision: leave out "
                "`file`, and name a precision in place of auto. Received: "
                f"file={self.member.file!r}, precision={self.member.precision!r}"
            )
        if self.augmentation_strength[1] > 3 or self.dropout[1] >= 1:
            raise SettingsError(
                "`augmentation_strength` must be within [0, 3] and `dropout` within "
                f"[0, 1). Received: {self.augmentation_strength}, {self.dropout}"
            )
