"""Settings of the training of classifiers of lesions."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from keras_derm.settings.kinds import (
    Backbone,
    Count,
    Momentum,
    NonNegative,
    Positive,
    Preset,
    Seed,
    Share,
    TaskName,
    limited,
)
from keras_derm.settings.network import NetworkSettings
from keras_derm.settings.optimization import OptimizationSettings
from keras_derm.settings.settings import SettingsError
from keras_derm.settings.stage import StageSettings

LESION_ARMS = {
    "dermoscopic": ("dermoscopic",),
    "close_up": ("close_up",),
    "both": ("dermoscopic", "close_up"),
    "both_and_table": ("dermoscopic", "close_up", "table"),
}
"""What each arm of the classifiers of lesions is given."""

LesionArm = Literal["dermoscopic", "close_up", "both", "both_and_table"]


@dataclass(frozen=True)
class TrainLesionClassifierSettings(StageSettings, stage="train_lesion_classifier"):
    """Train classifiers of lesions on one photograph, on both, and with what is known.

    A lesion has a dermoscopic photograph, a clinical close-up and a table (age, sex,
    site, concepts seen in the photographs). An arm is one network of some of these, any
    of which a lesion may lack. All arms learn from the lesions that the run has in
    train and are judged, by evaluate.py, on the same lesions of test; the catalog must
    hold photographs of both types (audit_skin_tone.py --image_types).

    Writes lesions/ARM: model.keras, lesion_classifier.json (classes, inputs, the table
    and the exponent below) and predictions for val and test, a row a lesion under the
    id of its first photograph.

    Args:
        arms: What is trained: dermoscopic, close_up, both, both_and_table.
        task: What is told apart: diagnosis11, diagnosis8, melanoma, melanocytic or
            benign_malignant. Classes without a training lesion are left out.
        columns: Columns of the catalog that the table has of a person or lesion.
        photograph_columns: Columns of numbers, or patterns, that it has of each
            photograph; those that the catalog lacks are an error.
        backbone: Network of each photograph, all or the end of which learns.
        probed_networks: Pretrained networks of each photograph that stay as they are,
            in place of it: --probed_networks "[{backbone: EfficientNetLite0}]". A
            softmax is fitted to what they see by logistic regression, in minutes;
            frozen_until and all from hidden_units to dropout, from preset to
            weight_decay, and optimization then say nothing.
        weights: imagenet, or the path of a weights file; by default none.
        frozen_until: Layer of the backbones up to which they stay as they are; by
            default all learns.
        hidden_units: Units that the features of a photograph are brought to.
        table_units: Units that the table is brought to.
        dropout: Rate before and behind these units.
        absence_rate: Probability that an input is withheld while a network of several
            learns.
        preset: Name of the chain of random image layers.
        augmentation_strength: Factor of how far they go, from 0 (flips alone) to 3.
        batch_size: Lesions a step.
        epochs: Epochs in all.
        learning_rate: Peak of the schedule.
        weight_decay: Weight decay of the optimizer.
        logit_adjustment: Factor of the logarithms of the frequencies of the classes in
            the loss: 0 learns the frequencies of the archive, 1 as if all classes were
            as frequent.
        decision: What the probabilities are for: as_learned, or macro_f1, which
            multiplies them by a power of the frequencies of the classes, the one by
            which the macro F1 on val is highest.
        flips: Average over the four flips of the photographs when predicting.
        optimization: How it learns: --optimization.ema_momentum 0.99.
        seed: Seed of weights, order, augmentation and what is withheld.

    Example:
        >>> TrainLesionClassifierSettings(arms=("both",), epochs=5)
    """

    arms: tuple[LesionArm, ...] = get_args(LesionArm)
    task: TaskName = "diagnosis11"
    columns: tuple[str, ...] = ("age_approx", "sex", "anatom_site_general")
    photograph_columns: tuple[str, ...] = ()
    backbone: Backbone = "EfficientNetLite0"
    probed_networks: tuple[NetworkSettings, ...] = ()
    weights: str | None = None
    frozen_until: str | None = None
    hidden_units: int = limited(Count, 128)
    table_units: int = limited(Count, 64)
    dropout: float = limited(Share, 0.5)
    absence_rate: float = limited(Momentum, 0.15)
    preset: Preset = "keras_derm"
    augmentation_strength: float = limited(NonNegative, 1.0)
    batch_size: int = limited(Count, 32)
    epochs: int = limited(Count, 10)
    learning_rate: float = limited(Positive, 1e-3)
    weight_decay: float = limited(NonNegative, 1e-2)
    logit_adjustment: float = limited(NonNegative, 0.5)
    decision: Literal["as_learned", "macro_f1"] = "macro_f1"
    flips: bool = True
    optimization: OptimizationSettings = field(default_factory=OptimizationSettings)
    seed: int = limited(Seed, 0)

    def check(self) -> None:
        if not self.arms or len(set(self.arms)) < len(self.arms):
            raise SettingsError(
                f"`arms` must name some of {', '.join(LESION_ARMS)}, each once. "
                f"Received: {list(self.arms)}"
            )
        table = self.columns or self.photograph_columns
        if "both_and_table" in self.arms and not table:
            raise SettingsError(
                "the arm both_and_table needs `columns` or `photograph_columns`. "
                "Received: neither"
            )
        if self.probed_networks and self.weights is None:
            raise SettingsError(
                "`probed_networks` stay as they are, and so need `weights` that know "
                "something: imagenet, or the path of a file. Received: none"
            )
