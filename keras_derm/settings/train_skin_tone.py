"""Settings of the training of a skin tone network."""

from dataclasses import dataclass, replace
from typing import Literal

from keras_derm.settings.kinds import (
    Count,
    Fraction,
    Fractions,
    NonNegative,
    Positive,
    Seed,
    Share,
    limited,
)
from keras_derm.settings.reads_archives import ReadsArchives
from keras_derm.settings.stage import StageSettings


@dataclass(frozen=True)
class TrainSkinToneSettings(ReadsArchives, StageSettings, stage="train_skin_tone"):
    """Train a network that estimates a person's skin tone, on any labelled archive.

    It learns from the photographs of one type, and beside the label the colour of the
    skin in the clinical photograph of the same lesion, where there is one. Lesions (or
    patients) are split; the best epoch on val is kept, labels and probabilities are
    calibrated on val, and the figures of the card are those of test. A run started
    again goes on at the epoch it had reached.

    Writes skin_tone/skin_tone_TYPE.tflite with its .json, its card and the csv of its
    split: copied together they are an estimator for audit_skin_tone.py
    (--tone_estimators) and validate_skin_tone.py (--networks).

    Args:
        data: Data source READER:PATH whose photographs have labels, such as
            milk10k:/data/milk10k or milk10k:s3://bucket/milk10k. Several (--data A
            --data B) are joined.
        image_type: The type of photographs that it is for.
        weights: imagenet, or the path of a file of ImageNet weights of MobileNetV2
            without its top; by default it starts from random weights.
        image_size: Side of its images in pixels; by default 160 where early, 224 where
            whole.
        depth: early, whose backbone ends after its early maps, where colour still is,
            and is not trained; or whole, which trains the rest of it. By default early
            for clinical photographs and whole for dermoscopy, where colour alone says
            nothing.
        epochs: Epochs in all; by default 25 where early, 4 where whole.
        batch_size: Images a step.
        learning_rate: Peak of the schedule; by default 0.002 where early, 0.0005 where
            whole.
        weight_decay: Weight decay of the optimizer.
        dropout: Rate before the head.
        ema_momentum: Share of a moving average of the weights that a step keeps.
        augmentation_strength: Factor of how far crops, gains and masks go.
        fractions: Shares of train, val and test.
        refit: When the figures are taken, train once more on all photographs, those of
            val and test too, and export that network; the card has the figures of the
            first, which lies in skin_tone/held_out.
        split_file: Csv with isic_id and split, in place of fractions.
        skip_bad: Go on without images that cannot be read.
        n_replicates: Bootstrap replicates of the figures of the card.
        seed: Seed of split, weights, order and augmentation.

    Example:
        >>> TrainSkinToneSettings(data="milk10k:/data/milk10k", epochs=12)
    """

    data: str | tuple[str, ...]
    image_type: Literal["dermoscopic", "clinical: close-up"] = "dermoscopic"
    weights: str | None = None
    image_size: int | None = limited(Count | None, None)
    depth: Literal["early", "whole"] | None = None
    epochs: int | None = limited(Count | None, None)
    batch_size: int = limited(Count, 32)
    learning_rate: float | None = limited(Positive | None, None)
    weight_decay: float = limited(NonNegative, 1e-2)
    dropout: float = limited(Share, 0.2)
    ema_momentum: float | None = limited(Fraction | None, 0.98)
    augmentation_strength: float = limited(NonNegative, 1.0)
    fractions: tuple[float, float, float] = limited(Fractions, (0.6, 0.15, 0.25))
    refit: bool = False
    split_file: str | None = None
    skip_bad: bool = False
    n_replicates: int = limited(Count, 1000)
    seed: int = limited(Seed, 0)

    def complete(self) -> "TrainSkinToneSettings":
        """The same with what depends on the type of photographs decided."""
        depth = self.depth
        if depth is None:
            depth = "whole" if self.image_type == "dermoscopic" else "early"
        side, epochs, rate = {
            "early": (160, 25, 2e-3),
            "whole": (224, 4, 5e-4),
        }[depth]
        return replace(
            self,
            depth=depth,
            image_size=self.image_size or side,
            epochs=self.epochs or epochs,
            learning_rate=self.learning_rate or rate,
        )
