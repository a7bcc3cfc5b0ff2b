"""Settings of the judgement of synthetic images."""

from dataclasses import dataclass

from keras_derm.settings.kinds import Seed, limited
from keras_derm.settings.spreads_work import SpreadsWork
from keras_derm.settings.stage import StageSettings


@dataclass(frozen=True)
class ImageQualitySettings(SpreadsWork, StageSettings, stage="image_quality"):
    """Judge the synthetic images that were kept against real ones held out of training.

    Writes image_quality.csv (kernel and Fréchet distance, precision, recall, density,
    coverage, diversity by diagnosis, of the synthetic images beside real training
    images, copies and noise), memorisation.json and origin_probe.csv (whether value
    range, pixel grid or sharpness tell synthetic from real images); where images were
    made with masks, mask_agreement.csv says whether the lesion lies there.

    Args:
        feature_weights: Weights of MobileNetV2 without the top: a path, or imagenet.
            Without them only the traces are looked for.
        seed: Seed of which images are drawn.
        cluster: Where the work is done: none, by the processors of this machine; local,
            by a Ray cluster of this machine alone; or the address of a Ray cluster
            (HOST:PORT, auto, ray://HOST:PORT). Results are the same (extra cluster).

    Example:
        >>> ImageQualitySettings(feature_weights="imagenet")
    """

    feature_weights: str | None = None
    seed: int = limited(Seed, 0)
