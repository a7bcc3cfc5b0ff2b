"""Settings of the training of a generator."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from keras_derm.settings.generators import (
    GENERATOR_SETTINGS,
    AnyGenerator,
    SNGANSettings,
)
from keras_derm.settings.kinds import (
    Count,
    CountFromZero,
    Positive,
    Precision,
    Seed,
    limited,
)
from keras_derm.settings.rows import Rows
from keras_derm.settings.settings import SettingsError
from keras_derm.settings.stage import StageSettings
from keras_derm.settings.trains_together import TrainsTogether

Side = Annotated[int, Field(strict=True, ge=32, le=512)]


@dataclass(frozen=True)
class TrainGeneratorSettings(TrainsTogether, StageSettings, stage="train_generator"):
    """Train a generator on the real training images, and on no others.

    A run started again goes on after its last whole epoch, also where n_steps (but
    for cyclegan), patience or max_minutes were changed to go further. Writes
    generator/: the model, history.csv, and a grid of samples for every epoch; with
    feature_weights also quality.csv and the best model so far, which is then the one
    that is sampled.

    Where TF_CONFIG names several workers, each is started with the same command and
    they train together; the first one writes the run.

    Args:
        generator: Which generator, with its own options.
        adapt: Then train an adapter of the generator on the rows of where: lora, for
            the generators that can be adapted (diffusion). Its settings are the
            generator's lora. What it learned is used where such images are asked for.
        where: Training rows that the adapter learns, as column=value|value,column=...,
            such as tone_group=dark or skin_tone_label=0|1|2.
        image_size: Side of the images it makes, 32 to 512 pixels.
        epochs: Times that all training images are seen, in place of n_steps and
            steps_per_epoch: cyclegan sees in one as many benign images as there are
            melanomas.
        n_steps: Steps in all, each with one update of the generator, or one gradient
            where gradients are accumulated.
        steps_per_epoch: Steps between two savings.
        gradient_accumulation: Gradients averaged for one update, so that batches may be
            larger than memory; n_steps is a multiple of it. On one device only.
        precision: What the networks compute in: float32 or mixed_bfloat16; auto, for
            diffusion, measures which is faster on this machine. Losses of generators
            are not scaled, as mixed_float16 would need.
        jit_compile: Compile the step with XLA. The random numbers stay the same, but
            for dropout's, and losses agree to rounding (2e-6 of them in two steps).
        tensorboard: Write losses and grids of samples for TensorBoard too, into
            generator/tensorboard. Needs the package tensorboard.
        feature_weights: Weights of MobileNetV2 without the top (a path, or imagenet),
            with which the kernel distance between made and training images is
            measured while training goes on.
        measure_every: Epochs between two measurements.
        patience: Measurements without a new best after which training ends; 0 to go
            on up to n_steps.
        max_minutes: Minutes of training after which it ends; restarts count on.
        seed: Seed of weights, order and noise.
        cluster: Ray cluster that starts the workers: local, one of this machine; or an
            address (HOST:PORT, auto, ray://HOST:PORT) (extra cluster).
        n_workers: Workers that train together, each with a GPU or, where there are too
            few, a processor. The same command with TF_CONFIG on each machine does too.

    Example:
        >>> TrainGeneratorSettings(generator="cyclegan")
    """

    generator: AnyGenerator = field(default_factory=SNGANSettings)
    adapt: Literal["lora"] | None = None
    where: str | None = limited(Rows | None, None)
    image_size: int = limited(Side, 64)
    epochs: int | None = limited(Count | None, None)
    n_steps: int = limited(Count, 20000)
    steps_per_epoch: int = limited(Count, 100)
    gradient_accumulation: int = limited(Count, 1)
    precision: Precision = "float32"
    jit_compile: bool = False
    tensorboard: bool = False
    feature_weights: str | None = None
    measure_every: int = limited(Count, 5)
    patience: int = limited(CountFromZero, 0)
    max_minutes: float | None = limited(Positive | None, None)
    seed: int = limited(Seed, 0)

    def check(self) -> None:
        self.check_workers()
        if self.n_steps % self.gradient_accumulation:
            raise SettingsError(
                "`gradient_accumulation` must be positive and divide `n_steps`. "
                f"Received: gradient_accumulation={self.gradient_accumulation}, "
                f"n_steps={self.n_steps}"
            )
        if self.n_steps % self.steps_per_epoch:
            raise SettingsError(
                "`n_steps` must be a multiple of `steps_per_epoch`. Received: "
                f"n_steps={self.n_steps}, steps_per_epoch={self.steps_per_epoch}"
            )
        if self.precision not in self.generator.PRECISIONS:
            raise SettingsError(
                f"`precision` of {self.generator.name} must be "
                f"{' or '.join(self.generator.PRECISIONS)}. "
                f"Received: {self.precision!r}"
            )
        if self.patience and self.feature_weights is None:
            raise SettingsError(
                "`patience` counts measurements, which need `feature_weights`. "
                f"Received: patience={self.patience} without feature_weights"
            )
        self._check_adapter()

    def _check_adapter(self) -> None:
        if (self.adapt is None) != (self.where is None):
            raise SettingsError(
                "`adapt` and `where` are given together: what is trained, and on which "
                f"rows. Received: adapt={self.adapt!r}, where={self.where!r}"
            )
        if self.adapt is None:
            return
        if self.adapt not in self.generator.ADAPTERS:
            able = [name for name, of in GENERATOR_SETTINGS.items() if of.ADAPTERS]
            raise SettingsError(
                f"`adapt` needs a generator that can be adapted: {', '.join(able)} "
                "(stable_diffusion always learns by an adapter, of rows of its own "
                f"`where`). Received: adapt={self.adapt!r}, "
                f"generator {self.generator.name}"
            )
        n_steps = self.generator.adapter_steps
        if n_steps % self.steps_per_epoch:
            raise SettingsError(
                "the adapter's `n_steps` must be a multiple of `steps_per_epoch`. "
                f"Received: lora n_steps={n_steps}, "
                f"steps_per_epoch={self.steps_per_epoch}"
            )
