"""Figures, the self-contained HTML report and the model card."""

from keras_derm.report import figures
from keras_derm.report.html import (
    Callout,
    Figure,
    Section,
    Table,
    Text,
    render_report,
)
from keras_derm.report.model_card import model_card

__all__ = [
    "Callout",
    "Figure",
    "Section",
    "Table",
    "Text",
    "figures",
    "model_card",
    "render_report",
]
