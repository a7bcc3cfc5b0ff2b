"""Compare arms of several seeds, or predictions made elsewhere."""

import dataclasses
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from keras_derm import evaluation
from keras_derm.catalog import get_task
from keras_derm.files import write_csv, write_json
from keras_derm.jobs.judged import (
    given_catalog,
    judged_task,
    print_gaps,
    print_scores,
)
from keras_derm.report import figures, interval_cell, save_figure
from keras_derm.runs import RunDirectory, Stage
from keras_derm.settings import ARMS, CompareSettings

NO_TONES = (
    "No tone group is known, so that nothing is said of skin tones: audit the archive "
    "first (apps/audit_skin_tone.py --run RUN --data READER:PATH), and give "
    "--data RUN/catalog.csv."
)


class Compare(Stage):
    """Compare models on the same real test images: did it help, and for whom?

    Example:
        >>> run_stage("compare", "runs/compared", runs=["runs/seed0", "runs/seed1"])
    """

    Settings = CompareSettings
    writes = (
        "compare.json",
        "compare.csv",
        "compare_gaps.csv",
        "figures/compare_*.png",
    )
    keeps = ("compare.json", "compare.csv", "compare_gaps.csv")

    def __init__(self, run, settings):
        self.arms = prediction_files(settings.runs, settings.predictions)
        if settings.runs:
            first = RunDirectory(settings.runs[0])
            settings = dataclasses.replace(
                settings,
                data=settings.data or str(first.catalog_file),
                task=judged_task(first).name,
            )
        super().__init__(run, settings)

    def inputs(self):
        return [str(path) for paths in self.arms.values() for path in paths]

    def make(self):
        settings = self.settings
        catalog = given_catalog(settings.data, settings.image_types)
        train = catalog.split("train")
        task = get_task(settings.task).present_in(train if len(train) else catalog)
        covered = catalog.where(task.covers(catalog)).require_real()
        test, val = evaluation.judged_rows(covered), covered.split("val")
        if not len(val):
            print("no thresholds: the data has no validation images")
        edges = evaluation.contrast_edges(catalog.table)
        reading = {
            "class_names": settings.class_names,
            "renormalise": settings.renormalise,
            "others": catalog,
        }
        found = evaluation.compare(
            **evaluation.inputs_from_catalog(test, task, evaluation.AXES, edges),
            y_prob={
                arm: [
                    evaluation.predictions_from_csv(path, test, task.classes, **reading)
                    for path in paths
                ]
                for arm, paths in self.arms.items()
            },
            reference=settings.reference,
            operating_points=evaluation.thresholds_beside(
                self.arms, val, task, **reading
            )
            if len(val)
            else None,
            n_replicates=settings.n_replicates,
            seed=settings.seed,
            stratified=settings.stratified,
        )
        table = found.table()
        sources = evaluation.describe_tone_sources(test.table)
        write_json(
            self.run / "compare.json", {**found.to_dict(), "tone_sources": sources}
        )
        write_csv(self.run / "compare.csv", table)
        write_csv(self.run / "compare_gaps.csv", found.gaps())
        drawn = figures.arm_forests(table, settings.reference)
        for name, figure in drawn.items():
            save_figure(self.run, f"compare_{name}", figure)
        print_scores(found)
        print_comparison(found, table)
        print_gaps(found)
        print(sources)
        if test.table["tone_group"].isna().all():
            print(NO_TONES)


def prediction_files(runs, predictions):
    """List the csv files of each arm.

    Args:
        runs: Evaluated run directories.
        predictions: Dict from arm to a csv or a list of them.

    Returns:
        Dict from arm to a list of `Path`, one for each seed.

    Raises:
        FileNotFoundError: Names every file that is missing.
        ValueError: Two files of an arm hold the same.
    """
    ending, arms = "_ensemble_test.csv", {arm: [] for arm in ARMS if runs}
    for run in runs:
        found = sorted((Path(run) / "predictions").glob(f"*{ending}"))
        for arm in [path.name.removesuffix(ending) for path in found] or ARMS:
            arms.setdefault(arm, []).append(Path(run) / f"predictions/{arm}{ending}")
    arms = {arm: paths for arm, paths in arms.items() if paths}
    for arm, paths in predictions.items():
        paths = [paths] if isinstance(paths, str) else paths
        arms.setdefault(arm, []).extend(Path(path) for path in paths)
    evaluation.check_prediction_files(arms)
    return arms


def print_comparison(found, table, metric="balanced_accuracy"):
    """Print one metric of all arms and strata, and a sentence for each arm."""
    shown = Table(title=f"{metric.replace('_', ' ')}, {found.level:.0%} intervals")
    for name in ("arm", "stratum", "n", "value", "difference", "adjusted p"):
        shown.add_column(
            name, justify="right" if name in ("n", "adjusted p") else "left"
        )
    rows = table[table["judged"] & (table["metric"] == metric)]
    for row in rows.to_dict("records"):
        stratum = evaluation.stratum_title(row["stratum"])
        shown.add_row(
            row["arm"],
            "all" if stratum == "all" else f"{stratum} {row['value_of_stratum']}",
            f"{row['n']:,}",
            interval_cell(row, "value"),
            interval_cell(row, "difference", "+"),
            "" if pd.isna(row["p_adjusted"]) else f"{row['p_adjusted']:.3f}",
        )
    Console().print(shown)
    for arm in found.differences:
        print(found.verdict(arm))
