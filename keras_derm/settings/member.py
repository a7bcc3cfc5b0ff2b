"""One classifier of an ensemble."""

from dataclasses import dataclass
from typing import Literal

from keras_derm.settings.kinds import Backbone, Count, Positive, Precision, limited
from keras_derm.settings.settings import Settings, SettingsError


@dataclass(frozen=True)
class MemberSettings(Settings):
    """One member of the ensemble.

    Args:
        backbone: Name of the network.
        image_size: Side of its images in pixels; its published one by default.
        cropped_from: Side to which images are resized before the middle `image_size`
            pixels are cut out; in training, a random part of 8 to 100 % of the area is,
            and resized. By default nothing is cut off.
        input_scaling: Range of values that the network sees: unit, [0, 1]; tf,
            [-1, 1]; lite, nearly so; caffe, BGR about the means of ImageNet; none,
            [0, 255]. By default that with which its ImageNet weights were trained.
        epochs: Epochs over as many images as there are real ones to train on.
        learning_rate: Peak of the schedule.
        frozen_until: Name of the layer up to which pretrained weights stay as they
            are, which more than halves the work of a step; without pretrained
            weights all layers learn.
        pooled_layers: Names of layers whose means over places the softmax reads, side
            by side, in place of those of the last map; what comes behind them is left
            out.
        linear_probe: Keep the pretrained backbone as it is and fit the softmax alone,
            by logistic regression on the images and their mirror images, without
            augmentation: minutes, and it may travel better than what is fine-tuned.
            epochs, learning_rate and frozen_until then say nothing.
        precision: What its layers compute in while it trains, as in
            `TrainClassifierSettings`; by default what the arm has.
        jit_compile: Whether XLA compiles its training steps; by default as precision
            auto measured, else on one GPU where Keras can.
        file: A trained .keras to take as it is, over the same classes; the other
            settings then say nothing.
        digest: Digest of that file, as config.yaml records it; another is refused.

    Example:
        >>> MemberSettings("MobileNetV2", image_size=96, epochs=3)
    """

    backbone: Backbone
    image_size: int | None = limited(Count | None, None)
    cropped_from: int | None = limited(Count | None, None)
    input_scaling: Literal["unit", "tf", "lite", "caffe", "none"] | None = None
    epochs: int = limited(Count, 25)
    learning_rate: float = limited(Positive, 1e-4)
    frozen_until: str | None = None
    pooled_layers: tuple[str, ...] | None = None
    linear_probe: bool = False
    precision: Precision | None = None
    jit_compile: bool | None = None
    file: str | None = None
    digest: str | None = None

    def check(self) -> None:
        if self.cropped_from is None:
            return
        if self.image_size is None or self.image_size > self.cropped_from:
            raise SettingsError(
                "`cropped_from` must be as much as `image_size` or more, which is cut "
                f"out of it and to be given too. Received: {self.cropped_from} for "
                f"{self.image_size}"
            )

    @classmethod
    def title(cls) -> str:
        return "members"

    @property
    def described(self) -> str:
        """The network in words, for tables and sentences."""
        if not self.linear_probe:
            return self.backbone
        place = " on the middle" if self.cropped_from else ""
        return f"a linear probe of {self.backbone}{place}"
