"""One classifier of an ensemble."""

from dataclasses import dataclass

from keras_derm.settings.kinds import Count, Positive, Precision, limited
from keras_derm.settings.network import NetworkSettings


@dataclass(frozen=True)
class MemberSettings(NetworkSettings):
    """One member of the ensemble.

    Args:
        epochs: Epochs over as many images as there are real ones to train on.
        learning_rate: Peak of the schedule.
        frozen_until: Name of the layer up to which pretrained weights stay as they
            are, which more than halves the work of a step; without pretrained
            weights all layers learn.
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

    epochs: int = limited(Count, 25)
    learning_rate: float = limited(Positive, 1e-4)
    frozen_until: str | None = None
    linear_probe: bool = False
    precision: Precision | None = None
    jit_compile: bool | None = None
    file: str | None = None
    digest: str | None = None

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
