"""Figures of the report: each takes numbers or images and returns a Figure.

Every function returns a `matplotlib.figure.Figure` that belongs to no window and
no global state. Colours are those of Okabe and Ito, told apart by colour-blind
readers; line style, marker or text always says the same as the colour. Figures of
arms take any number of them and colour them in order.
"""

from keras_derm.report.figures.attention import (
    attention_columns,
    cam_gallery,
    case_grid,
)
from keras_derm.report.figures.bars import arm_bars, class_bars
from keras_derm.report.figures.counterfactuals import photograph_strips, step_curves
from keras_derm.report.figures.curves import (
    deletion_curves,
    net_benefit,
    reliability,
    roc,
)
from keras_derm.report.figures.embeddings import feature_map
from keras_derm.report.figures.forests import arm_forests, forest_plot
from keras_derm.report.figures.photographs import contact_sheet, preparation_stages
from keras_derm.report.figures.skin_tone import tone_violins
from keras_derm.report.figures.tables import (
    confusion_matrices,
    counts_by_diagnosis,
    rule_disagreement,
)
from keras_derm.report.figures.training import training_curves

__all__ = [
    "arm_bars",
    "arm_forests",
    "attention_columns",
    "cam_gallery",
    "case_grid",
    "class_bars",
    "confusion_matrices",
    "contact_sheet",
    "counts_by_diagnosis",
    "deletion_curves",
    "feature_map",
    "forest_plot",
    "net_benefit",
    "photograph_strips",
    "preparation_stages",
    "reliability",
    "roc",
    "rule_disagreement",
    "step_curves",
    "tone_violins",
    "training_curves",
]
