"""Figures, the self-contained HTML report and the model card."""

from keras_derm.report import figures
from keras_derm.report.arm_tables import interval_cell
from keras_derm.report.html import Callout, Figure, Section, Table, Text, render_report
from keras_derm.report.model_card import write_model_card
from keras_derm.report.run_files import figure_block, save_figure

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
