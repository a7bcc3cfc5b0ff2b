"""Settings of the export."""

from dataclasses import dataclass
from typing import Literal

from keras_derm.settings.fine_tuning import FineTuningSettings
from keras_derm.settings.kinds import (
    Count,
    NonNegative,
    QuantizationMode,
    Seed,
    limited,
)
from keras_derm.settings.stage import StageSettings


@dataclass(frozen=True)
class ExportTfliteSettings(StageSettings, stage="export_tflite"):
    """Quantise the ensemble as TFLite and measure what that cost on real test images.

    Writes export/ensemble_MODE.tflite with its description (or the folder
    export/ensemble_MODE), export/model_card.md, and export/cost.json: agreement with
    the float model, metrics of both overall, by tone group and by colour of the
    photograph with paired intervals, calibration, size, latency and memory.

    An export whose macro AUC falls too far is refused: measured, but not left behind,
    and the exit status is 1. On all test images the estimate decides; in a group
    with enough images to judge, the fall must also be more than chance (its 95 %
    interval below zero).

    Args:
        arm: Whose ensemble to export; chosen is the best one on validation.
        mode: How to quantise: int8; selective, int8 but for the part of the network
            that it harms most, found by measurement; weight_only, all weights in int8
            and arithmetic in float; dynamic, large weights in int8; or float16.
        member_modes: Modes of members that lose much in that mode
            (--member_modes.efficientnetb0_64 dynamic); the form is then a folder. With
            quantisation-aware training they are not fine-tuned.
        form: One file, a folder with one file for each member, or auto: one file
            where TensorFlow can convert the whole, but a folder in mode selective,
            which then leaves a part of each member in float.
        io: Numbers that go in and come out: float, or in mode int8 the bytes of int8
            or uint8, as a phone's camera gives them.
        n_representative: Training images, spread over diagnoses and colours, by which
            int8 sets its ranges.
        gate: What may refuse the export; none leaves it behind whatever it costs.
        margin: Greatest fall of macro AUC allowed on all test images.
        margin_tone: The same on each tone group, and each colour of the photograph; by
            default the same number.
        fine_tuning: How each member learns once more, on the real training images of
            its arm, for its quantised form (--fine_tuning.method qat); by default none
            does. Needs the extra `quantization`.
        seed: Seed of the choice of representative images.

    Example:
        >>> ExportTfliteSettings(mode="selective")
    """

    arm: str = "chosen"
    mode: QuantizationMode = "int8"
    member_modes: dict[str, QuantizationMode] | None = None
    form: Literal["auto", "file", "folder"] = "auto"
    io: Literal["float", "int8", "uint8"] = "float"
    n_representative: int = limited(Count, 200)
    gate: Literal["macro_auc", "none"] = "macro_auc"
    margin: float = limited(NonNegative, 0.005)
    margin_tone: float | None = limited(NonNegative | None, None)
    fine_tuning: FineTuningSettings | None = None
    seed: int = limited(Seed, 0)

    def check(self) -> None:
        if self.fine_tuning is not None:
            self.fine_tuning.check_modes(self.mode, (self.member_modes or {}).values())
