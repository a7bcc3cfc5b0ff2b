"""What the stages behind an evaluation ask of it, or are given in its place."""

from rich.console import Console
from rich.table import Table

from keras_derm.catalog import Catalog, get_task, of_types
from keras_derm.evaluation import TONE, describe_gap
from keras_derm.evaluation.class_scores.metrics import metric_label
from keras_derm.evaluation.differences import HEADLINE
from keras_derm.readers import read_data_source
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


def given_catalog(data, image_types=None, skip_bad=False):
    """Read the photographs that a model is judged on.

    Args:
        data: catalog.csv of a run, or a data source READER:PATH, or several of these.
        image_types: Which photographs; by default all of a catalog.csv, and of a data
            source those that are dermoscopic, or all where none is.
        skip_bad: Go on without images that cannot be read.

    Returns:
        `Catalog`.
    """
    is_saved = isinstance(data, str) and data.endswith(".csv")
    catalog = Catalog.load(data) if is_saved else read_data_source(data, skip_bad)
    if is_saved and image_types is None:  # chosen when the catalog was made
        return catalog
    catalog, told = of_types(catalog, image_types)
    if told:
        print(told)
    return catalog


def print_scores(found, metrics=HEADLINE, judged="images"):
    """Print metrics of every arm on all test images, a row each.

    Args:
        found: `Comparison`.
        metrics: Names of the metrics, by default the headline ones.
        judged: What was judged, in the plural.
    """
    n = found.arms[found.reference].strata[0]["n"]
    shown = Table(
        title=f"All {n:,} test {judged}: value ({found.level:.0%} interval)",
        title_justify="left",
    )
    shown.add_column("metric")
    for arm in found.arms:
        shown.add_column(arm)
    for name in metrics:
        cells = [
            interval_cell(one.strata[0]["metrics"][name]) for one in found.arms.values()
        ]
        shown.add_row(metric_label(name, found.positive), *cells)
    Console().print(shown)


def print_sensitivities(found):
    """Print the sensitivity for each class of every arm, a row a class.

    Args:
        found: `Comparison`.
    """
    shown = Table(
        title=f"Sensitivity ({found.level:.0%} interval)", title_justify="left"
    )
    for name in ("class", "n", *found.arms):
        shown.add_column(name, justify="right" if name == "n" else "left")
    arms = [one.per_class for one in found.arms.values()]
    for name, of_class in arms[0].items():
        cells = [interval_cell(one[name]["sensitivity"]) for one in arms]
        shown.add_row(name, f"{of_class['n']:,}", *cells)
    Console().print(shown)


def print_gaps(found):
    """Print what the gaps in AUC between tones of skin show, a sentence each.

    Args:
        found: `Comparison`.
    """
    for arm, evaluation in found.arms.items():
        for gap in evaluation.gaps:
            if gap["stratum"] == TONE and gap["metric"] == "auc":
                print(f"{arm}, {TONE}: {describe_gap(gap)}")
