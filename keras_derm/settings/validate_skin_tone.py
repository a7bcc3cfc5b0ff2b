"""Settings of the validation of skin tone estimators."""

from dataclasses import dataclass
from typing import Literal

from keras_derm.settings.kinds import Count, Seed, limited
from keras_derm.settings.reads_archives import ReadsArchives
from keras_derm.settings.stage import StageSettings


@dataclass(frozen=True)
class ValidateSkinToneSettings(
    ReadsArchives, StageSettings, stage="validate_skin_tone"
):
    """Hold estimators of skin tone against people's labels, on any archive with labels.

    Every estimator is judged on the same labelled photographs, by type of photograph,
    and within each site, diagnosis and device: rank correlation, AUC of the darker
    against the lighter, quadratic weighted kappa, share that is exact and within one
    label, and the agreement of photographs of one lesion (or patient), each with an
    interval by lesion (or patient). Photographs of lesions that a network learned from
    are left out for all.

    Judged are the published rule of ITA, ours, ours calibrated (isotonic, by type, each
    photograph by a calibration of other lesions), the networks, and for photographs
    that are not clinical each of these on the clinical photograph of the same lesion.

    Writes skin_tone.html, validation/scores.csv, validation/estimates.csv, figures, and
    the calibrations of ITA (validation/calibration_TYPE.json), which audit_skin_tone.py
    takes as --tone_estimators.

    Args:
        data: Data source READER:PATH whose photographs have labels, such as
            milk10k:/data/milk10k or milk10k:s3://bucket/milk10k. Several (--data A
            --data B) are joined.
        networks: Files of train_skin_tone.py (.tflite with their .json beside them);
            by default those in saved_models.
        split_file: Csv with isic_id and split; its part "test" alone is
            judged.
        thresholds: Table of ITA limits between the types I to VI.
        skip_bad: Go on without images that cannot be read.
        n_replicates: Bootstrap replicates; lesions (or patients) are drawn.
        seed: Seed of the bootstrap and of the folds of the calibration.

    Example:
        >>> ValidateSkinToneSettings(data="milk10k:/data/milk10k")
    """

    data: str | tuple[str, ...]
    networks: tuple[str, ...] = ()
    split_file: str | None = None
    thresholds: Literal["del_bino", "kinyanjui", "groh"] = "del_bino"
    skip_bad: bool = False
    n_replicates: int = limited(Count, 1000)
    seed: int = limited(Seed, 0)
