"""Figures, the self-contained HTML report and the model card."""

from keras_derm.report import figures
from keras_derm.report.figure_files import figure_block, save_figure
from keras_derm.report.html import (
    Callout,
    Figure,
    Section,
    Table,
    Text,
    render_report,
)
from keras_derm.report.intervals import interval_cell
from keras_derm.report.model_card import write_model_card

__all__ = [
    "Callout",
    "Figure",
    "Section",
    "Table",
    "Text",
    "figure_block",
    "figures",
    "interval_cell",
    "render_report",
    "save_figure",
    "write_model_card",
]
