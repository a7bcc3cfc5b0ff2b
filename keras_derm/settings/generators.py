"""Generators: which there are, and what each can be told."""

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from keras_derm.settings.kinds import (
    Count,
    ImageType,
    Momentum,
    NonNegative,
    Positive,
    Range,
    Share,
    limited,
)
from keras_derm.settings.rows import Rows
from keras_derm.settings.settings import Settings, SettingsError

Widths = Annotated[
    tuple[Annotated[int, Field(strict=True, ge=32, multiple_of=32)], ...],
    Field(min_length=1, max_length=4),
]
"""Channels of the levels of a network, in whole groups and heads of 32."""
InferenceSteps = Annotated[int, Field(strict=True, ge=2, le=500)]

GENERATOR_SETTINGS: dict[str, type["GeneratorSettings"]] = {}
"""Class of the settings of every generator, by the generator's name."""


@dataclass(frozen=True, kw_only=True)
class GeneratorSettings(Settings):
    """Base of the settings of one generator, which is known by a name.

    A subclass says its name as it is made: `class SNGANSettings(GeneratorSettings,
    name="sngan")`. Written and read, the settings stand under that name.

    Attributes:
        name: Name of the generator.
        EXTENDS: Settings of a training that may be raised afterwards, so that it goes
            on.
        ADAPTERS: Kinds of adapters that the generator can be given.
        PRECISIONS: What its networks can be told to compute in.

    Example:
        >>> generator_settings({"sngan": {"dropout": 0.2}})
        SNGANSettings(dropout=0.2, ...)
    """

    name: ClassVar[str]
    EXTENDS: ClassVar[tuple[str, ...]] = ("n_steps",)
    ADAPTERS: ClassVar[tuple[str, ...]] = ()
    PRECISIONS: ClassVar[tuple[str, ...]] = ("float32", "mixed_bfloat16")

    def __init_subclass__(cls, name: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if name:
            cls.name = name
            GENERATOR_SETTINGS[name] = cls

    @classmethod
    def title(cls) -> str:
        return f"the generator {cls.name}"

    @property
    def adapter_steps(self) -> int:
        """Training steps of an adapter, 0 for a generator that has none."""
        return 0

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
    if (
        not isinstance(named, dict)
        or len(named) != 1
        or not set(named) <= set(GENERATOR_SETTINGS)
    ):
        raise SettingsError(
            f"`generator` must be one of {', '.join(GENERATOR_SETTINGS)}, alone or "
            f"with its settings. Received: {value!r}"
        )
    ((name, settings),) = named.items()
    return GENERATOR_SETTINGS[name].from_dict(settings or {})


AnyGenerator = Annotated[GeneratorSettings, BeforeValidator(generator_settings)]


@dataclass(frozen=True, kw_only=True)
class ConditionalGANSettings(GeneratorSettings):
    """What the generators of a diagnosis and a tone group have in common.

    Example:
        >>> isinstance(SNGANSettings(), ConditionalGANSettings)
        True
    """

    batch_size: int = limited(Count, 64)
    base_channels: int = limited(Count, 32)
    latent_dim: int = limited(Count, 128)
    learning_rate: float = limited(Positive, 2e-4)
    balance: float = limited(Share, 0.5)
    ema_decay: float = limited(Momentum, 0.995)
    augmentation: bool = True
    diagnoses: tuple[str, ...] | None = None
    conditional: bool = True

    def check(self) -> None:
        if not self.conditional and len(self.diagnoses or ()) != 1:
            raise SettingsError(
                "without conditions, an image is of the one diagnosis that the "
                "generator learned: name it, such as diagnoses: [MEL]. "
                f"Received: {self.diagnoses}"
            )


@dataclass(frozen=True, kw_only=True)
class SNGANSettings(ConditionalGANSettings, name="sngan"):
    """Settings of the spectrally normalized GAN.

    Args:
        batch_size: Images of one gradient, over all devices.
        base_channels: Channels of both networks at half of the image size.
        latent_dim: Length of the noise vector.
        learning_rate: Adam's, for both sides (betas 0.5 and 0.999).
        balance: How often rare diagnoses are shown, in [0, 1]: 0 as often as they
            occur, 1 as often as all others.
        ema_decay: Decay of the averaged weights that sampling uses, in [0, 1).
        augmentation: Whether the discriminator sees augmented images only.
        diagnoses: Train on these alone, such as [MEL]; on all by default.
        conditional: Make the diagnosis and tone group that are asked for. Without, as
            sn_gan_ensemble was published, images have no label: name the one diagnosis
            to train on, and they are of it, and of unknown tone.
        loss: Adversarial loss; the cross-entropy is non-saturating.
        dropout: Share of the discriminator's features that is dropped after every
            convolution, in [0, 1).
        batch_normalization: Whether the discriminator normalizes batches too.

    Example:
        >>> SNGANSettings(diagnoses=("MEL",), dropout=0.2)
    """

    loss: Literal["binary_crossentropy", "hinge"] = "binary_crossentropy"
    dropout: float = limited(Momentum, 0.0)
    batch_normalization: bool = False


@dataclass(frozen=True, kw_only=True)
class ConditionalWGANGPSettings(ConditionalGANSettings, name="conditional_wgan_gp"):
    """Settings of the Wasserstein GAN with gradient penalty.

    Args:
        batch_size: Images of one gradient, over all devices.
        base_channels: Channels of both networks at half of the image size.
        latent_dim: Length of the noise vector.
        learning_rate: Adam's, for both sides (betas 0 and 0.9).
        balance: How often rare diagnoses are shown, in [0, 1]: 0 as often as they
            occur, 1 as often as all others.
        ema_decay: Decay of the averaged weights that sampling uses, in [0, 1).
        augmentation: Whether the critic sees augmented images only.
        diagnoses: Train on these alone, such as [MEL]; on all by default.
        conditional: Make the diagnosis and tone group that are asked for. Without,
            name the one diagnosis to train on: images are of it, and of unknown
            tone.
        critic_steps: Updates of the critic for each of the generator; a step takes so
            many batches.

    Example:
        >>> ConditionalWGANGPSettings(diagnoses=("MEL",))
    """

    learning_rate: float = limited(Positive, 1e-4)
    augmentation: bool = False
    critic_steps: int = limited(Count, 5)


@dataclass(frozen=True, kw_only=True)
class CycleGANSettings(GeneratorSettings, name="cyclegan"):
    """Settings of the translation from benign lesions to melanoma.

    Args:
        batch_size: Images of each of the two domains in one gradient, over all
            devices.
        base_channels: Channels of the translators at half of the image size. The
            discriminators begin with twice as many.
        learning_rate: Adam's, for both sides (betas 0.5 and 0.999).
        decay: Whether it falls to 0 over the second half of the steps, as in the
            CycleGAN paper; melanet's code keeps it.
        ema_decay: Decay of the averaged weights that translate, in [0, 1). 0, as
            published, does not average.
        augmentation: Whether the discriminators see augmented images only.
        loss: Adversarial loss: the log loss of the melanet paper, or the squares of
            the CycleGAN paper and of melanet's code.
        identity_weight: Weight of the identity loss in parts of the cycle loss, not
            negative. 0 is without; melanet's code has 0.1.

    Example:
        >>> CycleGANSettings(loss="least_squares", identity_weight=0.1)
    """

    EXTENDS: ClassVar[tuple[str, ...]] = ()
    # None: the learning rate falls with the share of the steps that are done.

    batch_size: int = limited(Count, 1)
    base_channels: int = limited(Count, 32)
    learning_rate: float = limited(Positive, 2e-4)
    decay: bool = True
    ema_decay: float = limited(Momentum, 0.0)
    augmentation: bool = False
    loss: Literal["binary_crossentropy", "least_squares"] = "binary_crossentropy"
    identity_weight: float = limited(NonNegative, 0.0)


@dataclass(frozen=True, kw_only=True)
class LoRASettings(Settings):
    """Settings of a low-rank adapter of the compact diffusion model.

    Args:
        rank: Numbers through which each change goes.
        alpha: The change counts alpha / rank times; by default rank.
        dropout: Share of what the adapter sees that is dropped in training, in [0, 1).
        modules: Layers that it changes: the attention to the conditions, as the
            lora_diffusion paper has it, or that of places to each other too.
        n_steps: Training steps of the adapter.
        learning_rate: Adam's. It falls to 0 over the last 40 % of the steps.
        batch_size: Images of one gradient, over all devices.
        balance: How often rare diagnoses are shown, as for the model itself.
        guidance: How far conditions are followed where the adapter makes the images.

    Example:
        >>> LoRASettings(rank=8, modules="all_attention")
    """

    rank: int = limited(Count, 4)
    alpha: float | None = limited(Positive | None, None)
    dropout: float = limited(Momentum, 0.0)
    modules: Literal["cross_attention", "all_attention"] = "cross_attention"
    n_steps: int = limited(Count, 500)
    learning_rate: float = limited(Positive, 2e-3)
    batch_size: int = limited(Count, 64)
    balance: float = limited(Share, 0.5)
    guidance: float = limited(Positive, 1.5)

    @classmethod
    def title(cls) -> str:
        return "lora"


@dataclass(frozen=True, kw_only=True)
class DiffusionSettings(GeneratorSettings, name="diffusion"):
    """Settings of the compact diffusion model.

    Args:
        batch_size: Images of one gradient, over all devices.
        channels: Channels of the levels of its network, each of half the side of the
            one before. Three levels need images of 128 pixels or more.
        n_components: Components kept of every patch of 8 x 8 pixels (4 x 4 in images
            below 64 pixels), of 192: fewer make smoother images.
        learning_rate: Adam's (betas 0.9 and 0.99), after 50 steps of warm-up. It falls
            to 0 over the last 40 % of the steps.
        balance: How often rare diagnoses are shown, in [0, 1]: 0 as often as they
            occur, 1 as often as all others.
        diagnoses: Train on these alone, such as [MEL]; on all by default.
        preconditioning: What the network learns at each noise level: edm, or
            flow_matching.
        sampler: How noise becomes an image: dpm_solver or euler, which call the
            network once a step, or heun, twice.
        n_sampling_steps: Steps of the sampler.
        guidance: How far the condition is followed beyond what was learned; 1 is as
            learned, more makes images more typical and more alike.
        guided_noise: Noise levels between which guidance acts.
        sites: Sites in the archive's words, such as [back, face], that it is told
            beside diagnosis and tone, so that cells can name them.
        image_types: What photographs are of, such as [dermoscopic, "clinical:
            close-up"], that it is told so too.
        age: Whether it is told the decade of the age.
        masks: Whether it is told where the lesion is, from the masks of the training
            images, so that its images come with masks by construction.
        lora: Settings of an adapter, which train_generator's adapt asks for.

    Example:
        >>> DiffusionSettings(n_sampling_steps=30)
    """

    EXTENDS: ClassVar[tuple[str, ...]] = ()
    # None: the learning rate falls with the share of the steps that are done.
    ADAPTERS: ClassVar[tuple[str, ...]] = ("lora",)
    PRECISIONS: ClassVar[tuple[str, ...]] = ("float32", "mixed_bfloat16", "auto")

    batch_size: int = limited(Count, 64)
    channels: tuple[int, ...] = limited(Widths, (128, 192))
    n_components: int = limited(Count, 48)
    learning_rate: float = limited(Positive, 1.5e-3)
    balance: float = limited(Share, 0.5)
    diagnoses: tuple[str, ...] | None = None
    preconditioning: Literal["edm", "flow_matching"] = "edm"
    sampler: Literal["dpm_solver", "heun", "euler"] = "dpm_solver"
    n_sampling_steps: int = limited(Count, 16)
    guidance: float = limited(Positive, 1.0)
    guided_noise: tuple[float, float] = limited(Range, (0.0, 1e4))
    sites: tuple[str, ...] = ()
    image_types: tuple[ImageType, ...] = ()
    age: bool = False
    masks: bool = False
    lora: LoRASettings = field(default_factory=LoRASettings)

    @property
    def adapter_steps(self) -> int:
        return self.lora.n_steps


@dataclass(frozen=True, kw_only=True)
class StableDiffusionSettings(GeneratorSettings, name="stable_diffusion"):
    """Settings of Stable Diffusion v1 with low-rank adapters (extra `diffusion`).

    Args:
        folder: Folder of Stable Diffusion v1 in the layout of Diffusers, with
            model_index.json, unet, vae, text_encoder and tokenizer. The weights are
            not part of keras_derm.
        adapter: File pytorch_lora_weights.safetensors to begin with, of Diffusers or
            keras_derm; its rank and layers are then those trained.
        where: Training rows to learn from, as column=value|value,column=..., such as
            tone_group=dark; by default all.
        batch_size: Images of one gradient, over all devices.
        rank: Channels of the adapter.
        alpha: The adapter counts alpha / rank times.
        dropout: Share of the adapter's inputs that is dropped, in [0, 1).
        modules: Which attention of the U-Net is adapted: that to the words of the
            caption, or that among the places of the image too.
        learning_rate: AdamW's (betas 0.9 and 0.999, weight decay 0.01).
        balance: How often rare diagnoses are shown, in [0, 1]: 0 as often as they
            occur, 1 as often as all others.
        captions: Templates of captions, of the words {photograph}, {lesion},
            {diagnosis}, {tone}, {site}, {size}; what stands in square brackets is left
            out where a word in it is not known. A training image gets one of them at
            random, an image that is made the first.
        prompt_dropout: Share of captions that are left out in training, in [0, 1).
        n_inference_steps: Steps from noise to an image.
        scheduler: How they are taken: pndm, as Stable Diffusion was published with,
            ddim, or dpm_solver (DPM-Solver++ of second order, good with 20 steps).
        guidance: Least and greatest weight of the caption, drawn for each image.
        adapted_null: Whether the adapter acts where the caption is left out too, as in
            Diffusers. Without, guidance points from the model before to that after
            adaptation, and prompt_dropout must be 0.

    Example:
        >>> StableDiffusionSettings(folder="/data/stable-diffusion-v1-5", rank=8)
    """

    folder: str | None = None
    adapter: str | None = None
    where: str | None = limited(Rows | None, None)
    batch_size: int = limited(Count, 4)
    rank: int = limited(Count, 4)
    alpha: float = limited(Positive, 4.0)
    dropout: float = limited(Momentum, 0.0)
    modules: Literal["cross_attention", "all_attention"] = "cross_attention"
    learning_rate: float = limited(Positive, 1e-4)
    balance: float = limited(Share, 0.5)
    captions: tuple[str, ...] = (
        "{photograph} of a {lesion} skin lesion, {diagnosis}[, on {tone} skin]"
        "[, {site}][, {size} mm across]",
        "{photograph} of {diagnosis}[ on {tone} skin][, {site}]",
        "{lesion} lesion[ on {tone} skin], {diagnosis}, {photograph}",
    )
    prompt_dropout: float = limited(Momentum, 0.1)
    n_inference_steps: int = limited(InferenceSteps, 30)
    scheduler: Literal["pndm", "ddim", "dpm_solver"] = "pndm"
    guidance: tuple[float, float] = limited(Range, (7.5, 7.5))
    adapted_null: bool = True

    def check(self) -> None:
        if not self.adapted_null and self.prompt_dropout:
            raise SettingsError(
                "where the adapter does not act without a caption (adapted_null), it "
                "cannot learn from images without one: set prompt_dropout: 0. "
                f"Received: prompt_dropout={self.prompt_dropout}"
            )
