"""Honest judgement of classifiers: real images, intervals, strata, comparison."""

from keras_derm.evaluation.calibration import apply_temperature as apply_temperature
from keras_derm.evaluation.calibration import brier_score as brier_score
from keras_derm.evaluation.calibration import (
    expected_calibration_error as expected_calibration_error,
)
from keras_derm.evaluation.calibration import fit_temperature as fit_temperature
from keras_derm.evaluation.calibration import reliability_table as reliability_table
from keras_derm.evaluation.comparison import Comparison as Comparison
from keras_derm.evaluation.comparison import compare as compare
from keras_derm.evaluation.evaluation import Evaluation as Evaluation
from keras_derm.evaluation.evaluation import evaluate as evaluate
from keras_derm.evaluation.metrics import LABELS as LABELS
from keras_derm.evaluation.metrics import METRICS as METRICS
from keras_derm.evaluation.metrics import (
    threshold_at_sensitivity as threshold_at_sensitivity,
)
from keras_derm.evaluation.predictions import PredictionsError as PredictionsError
from keras_derm.evaluation.predictions import (
    inputs_from_catalog as inputs_from_catalog,
)
from keras_derm.evaluation.predictions import (
    predictions_from_csv as predictions_from_csv,
)
from keras_derm.evaluation.subgroups import skin_tone_strata as skin_tone_strata
