"""What the stages behind an evaluation ask of it."""

from rich.console import Console
from rich.table import Table

from keras_derm.catalog import get_task
from keras_derm.evaluation.class_scores.metrics import metric_label
from keras_derm.evaluation.differences import HEADLINE
from keras_derm.report import interval_cell
from keras_derm.settings import (
    AuditSkinToneSettings,
    EvaluateSettings,
    TrainClassifierSettings,
)


def judged_task(run):
    """The task of an evaluated run, with the classes that its training images have."""
    settings = run.settings(EvaluateSettings)
    name = settings.task
    if not settings.predictions:
        name = run.settings(TrainClassifierSettings, settings.reference).task
    return get_task(name).present_in(run.catalog.split("train"))


def colour_rule(run):
    """Rule and thresholds by which the audit measured the photographs' ITA."""
    audit = run.settings(AuditSkinToneSettings)
    return {"rule": audit.rule, "thresholds": audit.thresholds}


def print_scores(found):
    """Print the headline metrics of every arm on all test images, a row each.

    Args:
        found: `Comparison`.
    """
    n = found.arms[found.reference].strata[0]["n"]
    shown = Table(
        title=f"All {n:,} test images: value ({found.level:.0%} interval)",
        title_justify="left",
    )
    shown.add_column("metric")
    for arm in found.arms:
        shown.add_column(arm)
    for name in HEADLINE:
        cells = [
            interval_cell(one.strata[0]["metrics"][name]) for one in found.arms.values()
        ]
        shown.add_row(metric_label(name, found.positive), *cells)
    Console().print(shown)
