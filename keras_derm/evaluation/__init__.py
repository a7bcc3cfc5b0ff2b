"""Honest judgement of classifiers: real images, intervals, strata, comparison."""

from keras_derm.evaluation.agreement import agreement, self_agreement
from keras_derm.evaluation.class_scores.axes import AXES, catalog_axes, contrast_edges
from keras_derm.evaluation.class_scores.calibration import (
    add_class_biases,
    apply_temperature,
    brier_score,
    calibration_slope,
    expected_calibration_error,
    fit_class_biases,
    fit_temperature,
    log_losses,
    reliability_table,
)
from keras_derm.evaluation.class_scores.conformal import (
    ConformalSets,
    fit_conformal,
    fit_conformal_by_colour,
    selective_table,
)
from keras_derm.evaluation.class_scores.curves import decision_curve, roc_band
from keras_derm.evaluation.class_scores.dataset_shift import (
    LEAST_PHOTOGRAPHS,
    Shift,
    ShiftReference,
    ShiftTest,
    fit_shift_reference,
)
from keras_derm.evaluation.class_scores.evaluation import Evaluation, evaluate
from keras_derm.evaluation.class_scores.group_gaps import COLUMNS as GAP_COLUMNS
from keras_derm.evaluation.class_scores.metrics import (
    balanced_multiclass_accuracy,
    isic2020_score,
    isic2024_score,
    milk10k_score,
    operating_points,
    threshold_at_sensitivity,
)
from keras_derm.evaluation.class_scores.photograph_colour import (
    COLOUR_LEVELS,
    catalog_colours,
    photograph_colour,
)
from keras_derm.evaluation.class_scores.predictions import (
    PredictionsError,
    check_prediction_files,
    inputs_from_catalog,
    judged_rows,
    predictions_from_csv,
    predictions_to_csv,
    thresholds_beside,
)
from keras_derm.evaluation.class_scores.recalibration import (
    LabelledLesions,
    Recalibration,
)
from keras_derm.evaluation.class_scores.subgroups import (
    LEAST_POSITIVES,
    TONE,
    TONE_LEVELS,
    TOO_FEW,
    UNKNOWN,
    describe_tone_sources,
    stratum_title,
    tone_group_strata,
)
from keras_derm.evaluation.comparison import Comparison, compare
from keras_derm.evaluation.differences import HEADLINE
from keras_derm.evaluation.fairness_words import describe_fairness
from keras_derm.evaluation.gap_words import describe_gap, gap_claim
from keras_derm.evaluation.group_changes import RAW, STANDARDISED, WORST
from keras_derm.evaluation.judgement import ENSEMBLE, Judgement, judge_arms
from keras_derm.evaluation.overlap_scores import (
    OVERLAP_METRICS,
    hausdorff_distances,
    mean_overlap,
    overlap_frame,
    overlap_scores,
)
from keras_derm.evaluation.statistics.bootstrap import means_with_intervals
from keras_derm.evaluation.statistics.delong import (
    DeLongTest,
    delong_covariance,
    delong_interval,
    delong_test,
)
from keras_derm.evaluation.statistics.mcnemar import McNemarTest, mcnemar_test
from keras_derm.evaluation.statistics.multiplicity import benjamini_hochberg, holm
from keras_derm.evaluation.statistics.readers_and_images import (
    ReadersEstimate,
    mean_over_readers,
    reader_aucs,
    reader_means,
)
from keras_derm.evaluation.tone_scores import (
    ToneTruth,
    intraclass_correlation,
    repeatability,
    skin_groups,
    tone_scores,
    weighted_kappa,
)

__all__ = [
    "AXES",
    "Comparison",
    "ConformalSets",
    "DeLongTest",
    "ENSEMBLE",
    "Evaluation",
    "GAP_COLUMNS",
    "HEADLINE",
    "Judgement",
    "LEAST_PHOTOGRAPHS",
    "LEAST_POSITIVES",
    "LabelledLesions",
    "McNemarTest",
    "OVERLAP_METRICS",
    "PredictionsError",
    "RAW",
    "STANDARDISED",
    "COLOUR_LEVELS",
    "TONE",
    "TONE_LEVELS",
    "TOO_FEW",
    "ToneTruth",
    "UNKNOWN",
    "WORST",
    "ReadersEstimate",
    "Recalibration",
    "Shift",
    "ShiftReference",
    "ShiftTest",
    "add_class_biases",
    "agreement",
    "apply_temperature",
    "balanced_multiclass_accuracy",
    "benjamini_hochberg",
    "brier_score",
    "calibration_slope",
    "catalog_axes",
    "catalog_colours",
    "check_prediction_files",
    "compare",
    "contrast_edges",
    "decision_curve",
    "delong_covariance",
    "delong_interval",
    "delong_test",
    "describe_fairness",
    "describe_gap",
    "describe_tone_sources",
    "evaluate",
    "expected_calibration_error",
    "fit_class_biases",
    "fit_conformal",
    "fit_conformal_by_colour",
    "fit_shift_reference",
    "fit_temperature",
    "gap_claim",
    "hausdorff_distances",
    "holm",
    "inputs_from_catalog",
    "intraclass_correlation",
    "isic2020_score",
    "isic2024_score",
    "judge_arms",
    "judged_rows",
    "log_losses",
    "mcnemar_test",
    "mean_overlap",
    "means_with_intervals",
    "milk10k_score",
    "mean_over_readers",
    "operating_points",
    "overlap_frame",
    "overlap_scores",
    "photograph_colour",
    "predictions_from_csv",
    "predictions_to_csv",
    "reader_aucs",
    "reader_means",
    "reliability_table",
    "repeatability",
    "roc_band",
    "selective_table",
    "self_agreement",
    "skin_groups",
    "stratum_title",
    "threshold_at_sensitivity",
    "thresholds_beside",
    "tone_group_strata",
    "tone_scores",
    "weighted_kappa",
]
