"""Settings of the judgement."""

from dataclasses import dataclass

from keras_derm.settings.kinds import Count, Seed, TaskName, limited
from keras_derm.settings.stage import StageSettings


@dataclass(frozen=True)
class EvaluateSettings(StageSettings, stage="evaluate"):
    """Judge all arms of a run on the same real test images, beside a reference.

    Where the run has no such arm, those of train_lesion_classifier.py are judged
    (--reference dermoscopic), each lesion once, by the id of its first photograph.

    Writes predictions/*.csv, metrics.json, metrics.csv (every metric, overall and
    by tone group, sex, age, site, source, contrast and colour of the photograph, with
    95 % intervals and the paired difference from the reference), disparities.csv,
    gaps.csv (each group beside the largest of its kind: raw, with one mix of
    diagnoses, sites and ages, and the lesions that a gap of 5 points would take),
    decision_curves.csv, conformal sets per colour of the photograph (conformal/*.json
    and selective.csv) and figures.

    Args:
        reference: Arm that the others are compared with; where there is no other, it is
            judged alone.
        predictions: Predictions made elsewhere, to be judged instead of the arms of
            the run: --predictions.baseline a.csv --predictions.augmented b.csv. A csv
            has isic_id and one probability column per class, with a row for every
            val and test image of the run's catalog.csv. One model alone is judged by
            compare.py.
        task: What the predictions given tell apart: diagnosis8, diagnosis11, melanoma,
            melanocytic or benign_malignant.
        n_replicates: Bootstrap replicates; lesions (or patients) are drawn.
        seed: Seed of the bootstrap.
        stratified: Draw as many lesions (or patients) of each diagnosis as there are.

    Example:
        >>> EvaluateSettings(n_replicates=500)
    """

    reference: str = "baseline"
    predictions: dict[str, str] | None = None
    task: TaskName = "diagnosis8"
    n_replicates: int = limited(Count, 2000)
    seed: int = limited(Seed, 0)
    stratified: bool = False
