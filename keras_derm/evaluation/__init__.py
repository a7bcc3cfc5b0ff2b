"""Honest judgement of classifiers: real images, intervals, strata, comparison."""

from keras_derm.evaluation.axes import AXES, catalog_axes, contrast_edges
from keras_derm.evaluation.calibration import (
    apply_temperature,
    brier_score,
    calibration_slope,
    expected_calibration_error,
    fit_temperature,
    reliability_table,
)
from keras_derm.evaluation.comparison import Comparison, compare
from keras_derm.evaluation.conformal import (
    ConformalSets,
    fit_conformal,
    least_images,
    selective_table,
)
from keras_derm.evaluation.curves import decision_curve, roc_band
from keras_derm.evaluation.delong import (
    DeLongTest,
    delong_covariance,
    delong_interval,
    delong_test,
)
from keras_derm.evaluation.evaluation import Evaluation, evaluate
from keras_derm.evaluation.isic_scores import (
    balanced_multiclass_accuracy,
    isic2020_score,
    isic2024_score,
)
from keras_derm.evaluation.mcnemar import McNemarTest, mcnemar_test
from keras_derm.evaluation.metrics import (
    LABELS,
    METRICS,
    metric_label,
    operating_points,
    threshold_at_sensitivity,
)
from keras_derm.evaluation.multiplicity import benjamini_hochberg, holm
from keras_derm.evaluation.predictions import (
    PredictionsError,
    inputs_from_catalog,
    predictions_from_csv,
)
from keras_derm.evaluation.subgroups import skin_tone_strata

__all__ = [
    "AXES",
    "LABELS",
    "METRICS",
    "Comparison",
    "ConformalSets",
    "DeLongTest",
    "Evaluation",
    "McNemarTest",
    "PredictionsError",
    "apply_temperature",
    "balanced_multiclass_accuracy",
    "benjamini_hochberg",
    "brier_score",
    "calibration_slope",
    "catalog_axes",
    "compare",
    "contrast_edges",
    "decision_curve",
    "delong_covariance",
    "delong_interval",
    "delong_test",
    "evaluate",
    "expected_calibration_error",
    "fit_conformal",
    "fit_temperature",
    "holm",
    "inputs_from_catalog",
    "isic2020_score",
    "isic2024_score",
    "least_images",
    "mcnemar_test",
    "metric_label",
    "operating_points",
    "predictions_from_csv",
    "reliability_table",
    "roc_band",
    "selective_table",
    "skin_tone_strata",
    "threshold_at_sensitivity",
]
