"""Generators: which there are, and what each of them takes."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator

from keras_derm.settings.kinds import (
    Count,
    Flag,
    Momentum,
    NonNegative,
    Positive,
    Share,
)
from keras_derm.settings.settings import Settings, SettingsError

GENERATORS: dict[str, type["GeneratorSettings"]] = {}
"""Settings of every generator, by its name."""


@dataclass(frozen=True)
class GeneratorSettings(Settings):
    """Base of the settings of one generator, which is known by a name.

    A subclass says its name as it is made: `class SNGANSettings(GeneratorSettings,
    name="sngan")`. Written and read, the settings stand under that name.

    Example:
        >>> generator_settings({"sngan": {"dropout": 0.2}})
        SNGANSettings(dropout=0.2, ...)
    """

    name: ClassVar[str]

    def __init_subclass__(cls, name: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if name:
            cls.name = name
            GENERATORS[name] = cls

    @classmethod
    def title(cls) -> str:
        return f"the generator {cls.name}"

    def to_dict(self) -> dict[str, Any]:
        return {self.name: super().to_dict()}


def generator_settings(value: Any) -> GeneratorSettings:
    """Read the settings of a generator: a name, or a name with settings.

    Args:
        value: `"sngan"`, or `{"sngan": {"dropout": 0.2}}`, or the settings themselves.

    Raises:
        SettingsError: There is no such generator, or it has no such setting.
    """
    if isinstance(value, GeneratorSettings):
        return value
    named = {value: {}} if isinstance(value, str) else value
    if not isinstance(named, dict) or len(named) != 1 or set(named) - set(GENERATORS):
        raise SettingsError(
            f"`generator` must be one of {', '.join(GENERATORS)}, alone or with its "
            f"settings. Received: {value!r}"
        )
    ((name, settings),) = named.items()
    return GENERATORS[name].from_dict(settings or {})


AnyGenerator = Annotated[GeneratorSettings, BeforeValidator(generator_settings)]


@dataclass(frozen=True)
class ConditionalGeneratorSettings(GeneratorSettings):
    """What generators of a diagnosis and a skin tone have in common."""

    batch_size: Count = 64
    base_channels: Count = 32
    latent_dim: Count = 128
    learning_rate: Positive = 2e-4
    balance: Share = 0.5
    ema_decay: Momentum = 0.995
    augmentation: Flag = False
    diagnoses: tuple[str, ...] | None = None
    conditional: Flag = True

    def check(self) -> None:
        if not self.conditional and len(self.diagnoses or ()) != 1:
            raise SettingsError(
                "without conditions, an image is of the one diagnosis that the "
                "generator learned: name it, such as diagnoses [MEL]. "
                f"Received: {self.diagnoses}"
            )


@dataclass(frozen=True)
class SNGANSettings(ConditionalGeneratorSettings, name="sngan"):
    """Settings of the SN-GAN."""

    augmentation: Flag = True
    loss: Literal["binary_crossentropy", "hinge"] = "binary_crossentropy"
    dropout: Momentum = 0.0
    batch_normalization: Flag = False


@dataclass(frozen=True)
class ConditionalWGANGPSettings(
    ConditionalGeneratorSettings, name="conditional_wgan_gp"
):
    """Settings of the conditional WGAN-GP."""

    learning_rate: Positive = 1e-4
    critic_steps: Count = 5


@dataclass(frozen=True)
class CycleGANSettings(GeneratorSettings, name="cyclegan"):
    """Settings of the CycleGAN."""

    batch_size: Count = 1
    base_channels: Count = 32
    learning_rate: Positive = 2e-4
    ema_decay: Momentum = 0.0
    augmentation: Flag = False
    loss: Literal["binary_crossentropy", "least_squares"] = "least_squares"
    identity_weight: NonNegative = 0.0
