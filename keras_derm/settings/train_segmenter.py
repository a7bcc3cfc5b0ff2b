"""Settings of the training of a lesion segmenter."""

from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from pydantic import Field

from keras_derm.settings.arms import ARMS, OfAnArm
from keras_derm.settings.kinds import (
    Count,
    CountFromZero,
    NonNegative,
    Positive,
    Seed,
    Share,
    limited,
)
from keras_derm.settings.optimization import OptimizationSettings
from keras_derm.settings.settings import SettingsError
from keras_derm.settings.stage import StageSettings

Strength = Annotated[float, Field(strict=True, ge=0, le=3)]

Loss = Literal["cross_entropy", "dice_cross_entropy"]

NETWORKS: dict[str, tuple[int, int, float, Loss]] = {
    "unet": (160, 10, 2e-3, "dice_cross_entropy"),
    "fcn": (224, 30, 1e-4, "cross_entropy"),
}
"""Networks, and for each the side of its images, epochs, learning rate and loss; those
of the fcn are published for lora_diffusion."""


@dataclass(frozen=True)
class TrainSegmenterSettings(OfAnArm, StageSettings, stage="train_segmenter"):
    """Train a network that outlines the lesion, on photographs with masks.

    baseline trains on real photographs, augmented on real and synthetic ones; all else
    is the same, the number of steps too. Synthetic images come with their masks where
    they were made with one, with that of the photograph they were made of, or with
    what baseline finds in them (pseudo). The epoch of best Dice on val is kept, its
    probabilities are calibrated on val, and it is written in int8 for LiteRT. Where
    that costs more Dice than most_dice_lost, the layers that int8 harms most stay in
    float, and where that does not suffice it is written in float16.

    An arm lies in segmenters/NAME; evaluate_segmenter.py judges all arms. There,
    model.keras gives probabilities and outline.keras the lesion too, one area without
    holes, in one graph.

    Args:
        arm: baseline, augmented, or a name of your own.
        network: unet, with MobileNetV2 as its encoder; or fcn, as published for
            lora_diffusion.
        image_size: Side of its images in pixels; by default 160 for unet, 224 for fcn.
        preset: lora_diffusion, as which its paper prepares all images (denoised,
            enhanced, without hair); by default photographs are stretched to squares
            and nothing else. Synthetic images, which are made like prepared ones, are
            stretched alone.
        weights: imagenet, or the path of a file of ImageNet weights of MobileNetV2
            without its top, for the encoder of unet; by default it starts from random
            weights.
        adds: What the arm has besides the real photographs: nothing, or the synthetic
            images. By default augmented has them and every other arm nothing.
        n_phantoms: Number of phantoms of all skin types, with their true masks, that
            are added to the real photographs.
        n_photographs: Number of training photographs, drawn at random, to learn from;
            by default all.
        epochs: Epochs over as many images as there are real ones; by default 10 for
            unet, 30 for fcn.
        batch_size: Images a step.
        learning_rate: Peak of the schedule; by default 0.002 for unet, 0.0001 for fcn.
        loss: cross_entropy, or with Dice; by default that for fcn and this for unet.
        weight_decay: Weight decay of the optimizer.
        augmentation_strength: Factor of how far turns, zoom and light go; 0 leaves
            the flips alone.
        optimization: Optimizer, schedule and when to end.
        most_dice_lost: Mean Dice on val that int8 may cost.
        seed: Seed of weights, order and augmentation.

    Example:
        >>> TrainSegmenterSettings(network="fcn")
    """

    arm: str = ARMS[0]
    network: Literal["unet", "fcn"] = "unet"
    image_size: int | None = limited(Count | None, None)
    preset: Literal["lora_diffusion"] | None = None
    weights: str | None = None
    adds: Literal["nothing", "synthetic"] | None = None
    n_phantoms: int = limited(CountFromZero, 0)
    n_photographs: int | None = limited(Count | None, None)
    epochs: int | None = limited(Count | None, None)
    batch_size: int = limited(Count, 16)
    learning_rate: float | None = limited(Positive | None, None)
    loss: Loss | None = None
    weight_decay: float = limited(NonNegative, 1e-4)
    augmentation_strength: float = limited(Strength, 1.0)
    optimization: OptimizationSettings = field(default_factory=OptimizationSettings)
    most_dice_lost: float = limited(Share, 0.001)
    seed: int = limited(Seed, 0)

    def check(self) -> None:
        self.check_name()
        if self.network != "unet" and self.weights is not None:
            raise SettingsError(
                "`weights` are those of the encoder of unet, and fcn has none. "
                f"Received: {self.weights!r}"
            )

    def complete(self) -> "TrainSegmenterSettings":
        """The same with what depends on the network decided."""
        side, epochs, rate, loss = NETWORKS[self.network]
        return replace(
            self,
            image_size=self.image_size or side,
            epochs=self.epochs or epochs,
            learning_rate=self.learning_rate or rate,
            loss=self.loss or loss,
        )
