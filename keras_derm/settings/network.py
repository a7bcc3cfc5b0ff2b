"""What a network sees of an image, and what is read of it."""

from dataclasses import dataclass
from typing import Literal

from keras_derm.settings.kinds import Backbone, Count, limited
from keras_derm.settings.settings import Settings, SettingsError


@dataclass(frozen=True)
class NetworkSettings(Settings):
    """A backbone, what it sees of an image, and which of its maps are read.

    Args:
        backbone: Name of the network.
        image_size: Side of its images in pixels; its published one by default.
        cropped_from: Side to which images are resized before the middle `image_size`
            pixels are cut out; in training, a random part of 8 to 100 % of the area is,
            and resized. By default nothing is cut off.
        input_scaling: Range of values that the network sees: unit, [0, 1]; tf,
            [-1, 1]; lite, nearly so; caffe, BGR about the means of ImageNet; none,
            [0, 255]. By default that with which its ImageNet weights were trained.
        pooled_layers: Names of layers whose means over places are read, side by side,
            in place of those of the last map; what comes behind them is left out.

    Example:
        >>> NetworkSettings("EfficientNetLite0", image_size=112, cropped_from=160)
    """

    backbone: Backbone
    image_size: int | None = limited(Count | None, None)
    cropped_from: int | None = limited(Count | None, None)
    input_scaling: Literal["unit", "tf", "lite", "caffe", "none"] | None = None
    pooled_layers: tuple[str, ...] | None = None

    def check(self) -> None:
        if self.cropped_from is None:
            return
        if self.image_size is None or self.image_size > self.cropped_from:
            raise SettingsError(
                "`cropped_from` must be as much as `image_size` or more, which is cut "
                f"out of it and to be given too. Received: {self.cropped_from} for "
                f"{self.image_size}"
            )
