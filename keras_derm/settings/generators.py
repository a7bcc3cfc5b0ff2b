"""What each generator can be told, with the published or usual value of each."""

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, kw_only=True)
class ConditionalGANSettings:
    """What the generators of a diagnosis and a skin tone have in common.

    Args:
        batch_size: Images of one gradient, over all devices; positive.
        base_channels: Channels of both networks at half of the image size; positive.
        latent_dim: Length of the noise vector; positive.
        learning_rate: Adam's, for both sides; positive.
        balance: How often rare diagnoses are shown, in [0, 1]: 0 as often as they
            occur, 1 as often as all others.
        ema_decay: Decay of the averaged weights that sampling uses, in [0, 1).
        augmentation: Whether the discriminator, or critic, sees augmented images only.
        diagnoses: Train on these alone, such as [MEL]; on all by default.
        conditional: Make the diagnosis and skin tone that are asked for. Without, as
            sn_gan_ensemble was published, name the one diagnosis to train on: images
            are of it, and of the skin tone that is then measured on them.

    Raises:
        ValueError: If several diagnoses are to be learned without conditions.

    Example:

    ```python
    settings = SNGANSettings(conditional=False, diagnoses=("MEL",))
    ```
    """

    EXTENDS: ClassVar[tuple[str, ...]] = ("n_steps",)
    """Settings of a training that may be raised afterwards, so that it goes on."""

    batch_size: int = 64
    base_channels: int = 32
    latent_dim: int = 128
    learning_rate: float = 2e-4
    balance: float = 0.5
    ema_decay: float = 0.995
    augmentation: bool = True
    diagnoses: tuple[str, ...] | None = None
    conditional: bool = True

    def __post_init__(self):
        if not self.conditional and len(self.diagnoses or ()) != 1:
            raise ValueError(
                "without conditions, an image is of the one diagnosis that the "
                "generator learned: name it, such as --diagnoses '[MEL]'. "
                f"Received: {self.diagnoses}"
            )


@dataclass(frozen=True, kw_only=True)
class SNGANSettings(ConditionalGANSettings):
    """Settings of the spectrally normalized GAN.

    Args:
        loss: Adversarial loss; the cross-entropy is non-saturating.
        dropout: Share of the discriminator's features that is dropped after every
            convolution, in [0, 1).
        batch_normalization: Whether the discriminator normalizes batches too.
        **kwargs: See `ConditionalGANSettings`. `learning_rate` is 2e-4,
            `augmentation` true.

    Example:

    ```python
    settings = SNGANSettings(diagnoses=("MEL",), dropout=0.2)
    ```
    """

    loss: Literal["binary_crossentropy", "hinge"] = "binary_crossentropy"
    dropout: float = 0.0
    batch_normalization: bool = False


@dataclass(frozen=True, kw_only=True)
class ConditionalWGANGPSettings(ConditionalGANSettings):
    """Settings of the Wasserstein GAN with gradient penalty.

    Args:
        critic_steps: Updates of the critic for each of the generator; positive. A
            step takes so many batches.
        **kwargs: See `ConditionalGANSettings`. `learning_rate` is 1e-4,
            `augmentation` false.

    Example:

    ```python
    settings = ConditionalWGANGPSettings(diagnoses=("MEL",))
    ```
    """

    learning_rate: float = 1e-4
    augmentation: bool = False
    critic_steps: int = 5


@dataclass(frozen=True, kw_only=True)
class CycleGANSettings:
    """Settings of the translation from benign lesions to melanoma.

    Args:
        batch_size: Images of each of the two domains in one gradient, over all
            devices; positive.
        base_channels: Channels of the translators at half of the image size;
            positive. The discriminators begin with twice as many.
        learning_rate: Adam's, for both sides; positive. It falls to 0 over the second
            half of the steps.
        ema_decay: Decay of the averaged weights that translate, in [0, 1). 0, as
            published, does not average.
        augmentation: Whether the discriminators see augmented images only.
        loss: Adversarial loss: the log loss of the melanet paper, or the squares of
            the CycleGAN paper and of melanet's code.
        identity_weight: Weight of the identity loss in parts of the cycle loss, not
            negative. 0 is without; melanet's code has 0.1.

    Example:

    ```python
    settings = CycleGANSettings(loss="least_squares", identity_weight=0.1)
    ```
    """

    EXTENDS: ClassVar[tuple[str, ...]] = ()
    """None: the learning rate falls with the share of the steps that are done."""

    batch_size: int = 1
    base_channels: int = 32
    learning_rate: float = 2e-4
    ema_decay: float = 0.0
    augmentation: bool = False
    loss: Literal["binary_crossentropy", "least_squares"] = "binary_crossentropy"
    identity_weight: float = 0.0


GENERATOR_SETTINGS = {
    "sngan": SNGANSettings,
    "conditional_wgan_gp": ConditionalWGANGPSettings,
    "cyclegan": CycleGANSettings,
}
"""Class of settings of every generator, by the generator's name."""
